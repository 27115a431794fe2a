# The streaming front, off by default: a REST API beside the HTTP API, which can hand out an answer only when it is whole.
# Same VPC link, same load balancer, same router and credentials. It costs 3.5 times as much a request, so it is for chat
# clients that show words as they come. It adds no CORS headers (a proxy integration passes the router's on), so pages of
# other origins use the HTTP API.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html

locals {
  # The router ends a stream after 120 s.
  stream_timeout_milliseconds = 130000

  # The root, and everything below it. Two, because {proxy+} does not match the empty path.
  streaming_paths = var.streaming_front ? {
    root  = { uri = "http://${var.load_balancer_dns_name}/", parameters = {} }
    proxy = { uri = "http://${var.load_balancer_dns_name}/{proxy}", parameters = { "integration.request.path.proxy" = "method.request.path.proxy" } }
  } : {}

  streaming_resource_ids = var.streaming_front ? {
    root  = aws_api_gateway_rest_api.streaming[0].root_resource_id
    proxy = aws_api_gateway_resource.proxy[0].id
  } : {}
}

resource "aws_api_gateway_rest_api" "streaming" {
  count = var.streaming_front ? 1 : 0

  name               = "${var.name}-streaming"
  description        = "T3nets ${var.name}: answers as they are written"
  binary_media_types = ["*/*"]

  disable_execute_api_endpoint = !var.execute_api

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "proxy" {
  count = var.streaming_front ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.streaming[0].id
  parent_id   = aws_api_gateway_rest_api.streaming[0].root_resource_id
  path_part   = "{proxy+}"
}

resource "aws_api_gateway_method" "any" {
  for_each = local.streaming_paths

  #checkov:skip=CKV_AWS_59:the router decides who may enter, as on the HTTP API
  #checkov:skip=CKV2_AWS_53:the router validates what it is sent, and answers what is wrong with it
  rest_api_id        = aws_api_gateway_rest_api.streaming[0].id
  resource_id        = local.streaming_resource_ids[each.key]
  http_method        = "ANY"
  authorization      = "NONE"
  request_parameters = each.key == "proxy" ? { "method.request.path.proxy" = true } : {}
}

resource "aws_api_gateway_integration" "router" {
  for_each = local.streaming_paths

  rest_api_id             = aws_api_gateway_rest_api.streaming[0].id
  resource_id             = local.streaming_resource_ids[each.key]
  http_method             = aws_api_gateway_method.any[each.key].http_method
  type                    = "HTTP_PROXY"
  integration_http_method = "ANY"
  uri                     = each.value.uri
  connection_type         = "VPC_LINK"
  connection_id           = var.vpc_link_id
  integration_target      = var.load_balancer_arn
  response_transfer_mode  = "STREAM"
  timeout_milliseconds    = local.stream_timeout_milliseconds

  request_parameters = merge(
    each.value.parameters,
    { "integration.request.header.${local.client_address_header}" = "context.identity.sourceIp" },
  )
}

resource "aws_api_gateway_deployment" "streaming" {
  count = var.streaming_front ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.streaming[0].id

  # A REST API serves what was deployed, not what is configured: deploy again when either changes.
  triggers = {
    configuration = sha1(jsonencode([
      aws_api_gateway_method.any, aws_api_gateway_integration.router, aws_api_gateway_rest_api.streaming[0].disable_execute_api_endpoint,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "streaming" {
  count = var.streaming_front ? 1 : 0

  #checkov:skip=CKV_AWS_76:a REST API's access log needs a role that the whole account and region share; the router logs every request itself
  #checkov:skip=CKV_AWS_73:the router makes the traces (OTEL_*), API Gateway would add one more hop without its context
  #checkov:skip=CKV_AWS_120:every answer is its caller's own: nothing can be cached
  #checkov:skip=CKV2_AWS_29:the router limits callers, and the stage throttles; a firewall is an operator's choice
  #checkov:skip=CKV2_AWS_51:callers are known by API key or token, not by certificate
  #checkov:skip=CKV2_AWS_4:REST API execution logs need the account-wide role of CKV_AWS_76, and would hold users' words
  rest_api_id   = aws_api_gateway_rest_api.streaming[0].id
  deployment_id = aws_api_gateway_deployment.streaming[0].id
  stage_name    = var.streaming_stage
}

resource "aws_api_gateway_method_settings" "streaming" {
  count = var.streaming_front ? 1 : 0

  #checkov:skip=CKV_AWS_225:every answer is its caller's own: nothing can be cached
  #checkov:skip=CKV_AWS_308:nothing is cached, so there is no cache to encrypt
  rest_api_id = aws_api_gateway_rest_api.streaming[0].id
  stage_name  = aws_api_gateway_stage.streaming[0].stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.throttling_rate_limit
    throttling_burst_limit = var.throttling_burst_limit
  }
}

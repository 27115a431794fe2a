# The public API: an HTTP API that hands every request to the router. The second, streaming front is in streaming.tf, names
# of their own in domain.tf.

locals {
  # The caller's address for the router's limits and audit. X-Forwarded-For cannot be trusted (the client may send its own,
  # and API Gateway lets nobody overwrite it); this header is overwritten whatever the client sent.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
  client_address_header = "x-t3nets-client-ip"
}

resource "aws_apigatewayv2_api" "http" {
  name          = "${var.name}-api"
  description   = "T3nets ${var.name}: everything goes to the router"
  protocol_type = "HTTP"

  disable_execute_api_endpoint = !var.execute_api

  cors_configuration {
    allow_origins  = var.cors_allow_origins
    allow_methods  = ["GET", "POST", "OPTIONS"]
    allow_headers  = ["accept", "authorization", "content-type", "x-request-id"]
    expose_headers = ["retry-after", "x-request-id"]
    max_age        = 600
  }
}

resource "aws_apigatewayv2_integration" "router" {
  api_id                 = aws_apigatewayv2_api.http.id
  integration_type       = "HTTP_PROXY"
  integration_method     = "ANY"
  integration_uri        = var.integration_uri
  connection_type        = "VPC_LINK"
  connection_id          = var.vpc_link_id
  payload_format_version = "1.0"

  # The most there is. The router answers in 25 s, with a 504 of its own if need be.
  timeout_milliseconds = 30000

  request_parameters = {
    "overwrite:header.${local.client_address_header}" = "$context.identity.sourceIp"
  }
}

resource "aws_apigatewayv2_route" "default" {
  #checkov:skip=CKV_AWS_309:the router decides who may enter (API keys and tokens, a tenant from the credential); webhooks and health checks come without either
  api_id    = aws_apigatewayv2_api.http.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.router.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.http.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.throttling_rate_limit
    throttling_burst_limit = var.throttling_burst_limit
  }

  # No query strings and no headers: either may carry what is nobody's business.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId          = "$context.requestId"
      requestTime        = "$context.requestTime"
      sourceIp           = "$context.identity.sourceIp"
      userAgent          = "$context.identity.userAgent"
      httpMethod         = "$context.httpMethod"
      path               = "$context.path"
      protocol           = "$context.protocol"
      status             = "$context.status"
      responseLength     = "$context.responseLength"
      responseLatency    = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
      integrationStatus  = "$context.integrationStatus"
      integrationError   = "$context.integrationErrorMessage"
    })
  }
}

# Names under /aws/vendedlogs/ count once in the account's log resource policy, which has a size limit.
resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_158:encrypted with the environment's key where customer_managed_key is on (prod), with AWS's otherwise
  #checkov:skip=CKV_AWS_338:14 days: callers' addresses are personal data, kept only as long as an investigation takes
  name              = "/aws/vendedlogs/apigateway/${var.name}-api"
  retention_in_days = var.access_log_retention_days
  kms_key_id        = var.kms_key_arn
}

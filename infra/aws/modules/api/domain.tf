# Names of the API's own. What is set up with one (webhooks, clients, bookmarks) need not know when the API is replaced.

locals {
  names = merge(
    var.domain_name == null ? {} : {
      api = { name = var.domain_name, api_id = aws_apigatewayv2_api.http.id, stage = aws_apigatewayv2_stage.default.name }
    },
    var.streaming_domain_name == null || !var.streaming_front ? {} : {
      streaming = { name = var.streaming_domain_name, api_id = aws_api_gateway_rest_api.streaming[0].id, stage = aws_api_gateway_stage.streaming[0].stage_name }
    },
  )
  own_names = compact([var.domain_name, var.streaming_domain_name])

  makes_certificate = var.domain_name != null && var.certificate_arn == null
  certificate_arn   = local.makes_certificate ? aws_acm_certificate_validation.own[0].certificate_arn : var.certificate_arn
}

resource "aws_acm_certificate" "own" {
  count = local.makes_certificate ? 1 : 0

  domain_name               = var.domain_name
  subject_alternative_names = local.own_names
  validation_method         = "DNS"

  # It is in use: another one takes its place first.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = toset(local.makes_certificate ? local.own_names : [])

  zone_id         = var.hosted_zone_id
  name            = one([for option in aws_acm_certificate.own[0].domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.own[0].domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [for option in aws_acm_certificate.own[0].domain_validation_options : option.resource_record_value if option.domain_name == each.key]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "own" {
  count = local.makes_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.own[0].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_apigatewayv2_domain_name" "own" {
  for_each = local.names

  domain_name = each.value.name

  domain_name_configuration {
    certificate_arn = local.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# A REST API, too, has its mapping by this version of the API.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html
resource "aws_apigatewayv2_api_mapping" "own" {
  for_each = local.names

  api_id      = each.value.api_id
  domain_name = aws_apigatewayv2_domain_name.own[each.key].id
  stage       = each.value.stage
}

resource "aws_route53_record" "own" {
  for_each = var.hosted_zone_id == null ? {} : local.names

  #checkov:skip=CKV2_AWS_23:it points at the API's own domain name
  zone_id = var.hosted_zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.own[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.own[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  depends_on = [aws_apigatewayv2_api_mapping.own]
}

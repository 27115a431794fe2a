# What callers see, whoever is to blame: the router, the load balancer, the VPC link or API Gateway.

locals {
  fronts = merge(
    { api = { dimensions = { ApiId = aws_apigatewayv2_api.http.id }, errors = "5xx" } },
    var.streaming_front ? {
      streaming = { dimensions = { ApiName = aws_api_gateway_rest_api.streaming[0].name }, errors = "5XXError" }
    } : {},
  )
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = local.fronts

  alarm_name          = "${var.name}-${each.key}-5xx"
  alarm_description   = "Callers got 5xx more than five times in five minutes: the access log says which step failed."
  namespace           = "AWS/ApiGateway"
  metric_name         = each.value.errors
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# The HTTP API only: a stream's latency is its length.
resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-api-latency"
  alarm_description   = "One request in twenty took longer than ${var.alarm_latency_p95_seconds} s for 15 minutes."
  namespace           = "AWS/ApiGateway"
  metric_name         = "Latency"
  dimensions          = { ApiId = aws_apigatewayv2_api.http.id }
  extended_statistic  = "p95"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_latency_p95_seconds * 1000
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

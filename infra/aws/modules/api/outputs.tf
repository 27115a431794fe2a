output "endpoint" {
  description = "URL of the HTTP API, without a slash at its end."
  value       = var.domain_name == null ? aws_apigatewayv2_api.http.api_endpoint : "https://${var.domain_name}"

  # Nothing answers at a name before.
  depends_on = [aws_apigatewayv2_api_mapping.own, aws_route53_record.own]
}

output "streaming_endpoint" {
  description = "URL of the streaming front, without a slash at its end; null when it is off."
  value = one([
    for stage in aws_api_gateway_stage.streaming :
    var.streaming_domain_name == null ? trimsuffix(stage.invoke_url, "/") : "https://${var.streaming_domain_name}"
  ])

  depends_on = [aws_apigatewayv2_api_mapping.own, aws_route53_record.own]
}

output "domain_targets" {
  description = "What each name of its own has to point at."
  value       = { for name in values(aws_apigatewayv2_domain_name.own) : name.domain_name => name.domain_name_configuration[0].target_domain_name }
}

output "client_address_header" {
  description = "The header with the caller's address."
  value       = local.client_address_header
}

output "access_log_group_name" {
  description = "The access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "api_id" {
  description = "The HTTP API, as its metrics name it."
  value       = aws_apigatewayv2_api.http.id
}

output "alarm_arns" {
  description = "The alarms of this module."
  value       = concat(values(aws_cloudwatch_metric_alarm.errors)[*].arn, [aws_cloudwatch_metric_alarm.latency.arn])
}

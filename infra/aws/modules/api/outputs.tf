output "endpoint" {
  description = "URL of the HTTP API, without a slash at its end."
  value       = aws_apigatewayv2_api.http.api_endpoint
}

output "streaming_endpoint" {
  description = "URL of the streaming front, without a slash at its end; null when it is off."
  value       = one([for stage in aws_api_gateway_stage.streaming : trimsuffix(stage.invoke_url, "/")])
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

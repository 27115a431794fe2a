output "conversations_table" {
  description = "Name and ARN of the conversations table."
  value = {
    name = aws_dynamodb_table.conversations.name
    arn  = aws_dynamodb_table.conversations.arn
  }
}

output "tenants_table" {
  description = "Name and ARN of the tenants table, and the ARN of its index."
  value = {
    name      = aws_dynamodb_table.tenants.name
    arn       = aws_dynamodb_table.tenants.arn
    index_arn = "${aws_dynamodb_table.tenants.arn}/index/channel-mapping"
  }
}

output "alarm_arns" {
  description = "The alarms of this module."
  value       = concat(values(aws_cloudwatch_metric_alarm.throttled)[*].arn, values(aws_cloudwatch_metric_alarm.failed)[*].arn)
}

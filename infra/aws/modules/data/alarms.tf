# Throttling: on-demand tables grow by themselves, but a sudden peak or one hot key can outrun them. And what DynamoDB itself
# fails at.

locals {
  tables = {
    conversations = aws_dynamodb_table.conversations.name
    tenants       = aws_dynamodb_table.tenants.name
  }
}

resource "aws_cloudwatch_metric_alarm" "throttled" {
  for_each = local.tables

  alarm_name          = "${each.value}-throttled"
  alarm_description   = "DynamoDB throttled reads or writes of ${each.value}: look for one tenant's burst, or a hot key."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  metric_query {
    id          = "throttled"
    label       = "throttled requests"
    expression  = "FILL(reads, 0) + FILL(writes, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { reads = "ReadThrottleEvents", writes = "WriteThrottleEvents" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = metric_query.value
        dimensions  = { TableName = each.value }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

# Counted by operation: the two that every turn makes stand for all.
resource "aws_cloudwatch_metric_alarm" "failed" {
  for_each = local.tables

  alarm_name          = "${each.value}-failed"
  alarm_description   = "DynamoDB answered with 5xx for ${each.value} more than five times in five minutes: look at AWS's own health page."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  metric_query {
    id          = "failed"
    label       = "failed requests"
    expression  = "FILL(reads, 0) + FILL(writes, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { reads = "GetItem", writes = "UpdateItem" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "SystemErrors"
        dimensions  = { TableName = each.value, Operation = metric_query.value }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

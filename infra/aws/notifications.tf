# Where alarms, failed deployments and the budget send what they have to say.

locals {
  alarm_actions = concat([aws_sns_topic.alarms.arn], sort(var.alarm_targets))
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:alarms name metrics and thresholds, nothing of a tenant; encrypted with the environment's key where customer_managed_key is on (prod)
  name              = "${local.name}-alarms"
  kms_master_key_id = local.kms_key_arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "PublishFromAlarmsAndBudgets"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid       = "PublishFailedDeployments"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [module.compute.failed_deployment_rule_arn]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

# Each address gets a mail that has to be confirmed before anything else is sent there.
resource "aws_sns_topic_subscription" "alarm_emails" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

check "somebody_is_told" {
  assert {
    condition     = !local.is_production || length(var.alarm_emails) + length(var.alarm_targets) > 0
    error_message = "Nobody is told of alarms: set alarm_emails or alarm_targets in ${var.environment}.tfvars."
  }
}

# The whole account's cost unless budget_by_tag is on: a budget filtered by a tag that was never activated as a
# cost allocation tag sees 0 and stays silent for ever.
resource "aws_budgets_budget" "monthly" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${local.name}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "cost_filter" {
    for_each = var.budget_by_tag ? [1] : []

    content {
      name   = "TagKeyValue"
      values = [format("user:Environment$%s", var.environment)]
    }
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    notification_type         = "ACTUAL"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    notification_type         = "FORECASTED"
    subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

# Tasks in some hours only, where active_hours are set. EventBridge Scheduler sets the count, which is nobody else's then. A
# scheduled action of autoscaling would set autoscaling's own bounds instead, and the next apply would set them back.

locals {
  count_at = var.active_hours == null ? {} : {
    wake  = { time = split(":", var.active_hours.from), count = var.desired_count }
    sleep = { time = split(":", var.active_hours.to), count = 0 }
  }
}

resource "aws_scheduler_schedule" "tasks" {
  for_each = local.count_at

  #checkov:skip=CKV_AWS_297:it holds two names and a number
  name                         = "${local.service_name}-${each.key}"
  description                  = "${each.value.count} tasks of ${local.service_name}"
  schedule_expression          = "cron(${tonumber(each.value.time[1])} ${tonumber(each.value.time[0])} ? * ${join(",", sort(var.active_hours.days))} *)"
  schedule_expression_timezone = var.active_hours.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
  target {
    arn      = "arn:${var.partition}:scheduler:::aws-sdk:ecs:updateService"
    role_arn = aws_iam_role.active_hours[0].arn
    input = jsonencode({
      Cluster      = aws_ecs_cluster.this.name
      Service      = aws_ecs_service.router.name
      DesiredCount = each.value.count
    })

    # Later than that, the other one may have come.
    retry_policy {
      maximum_event_age_in_seconds = 1800
      maximum_retry_attempts       = 20
    }
  }

  depends_on = [aws_iam_role_policy.active_hours]
}

resource "aws_iam_role" "active_hours" {
  count = var.active_hours == null ? 0 : 1

  name                 = "${local.service_name}-active-hours"
  path                 = var.role_path
  description          = "Lets EventBridge Scheduler set the number of tasks"
  assume_role_policy   = data.aws_iam_policy_document.active_hours_trust[0].json
  permissions_boundary = var.permissions_boundary
}

data "aws_iam_policy_document" "active_hours_trust" {
  count = var.active_hours == null ? 0 : 1

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role_policy" "active_hours" {
  count = var.active_hours == null ? 0 : 1

  name   = "set-number-of-tasks"
  role   = aws_iam_role.active_hours[0].id
  policy = data.aws_iam_policy_document.active_hours[0].json
}

data "aws_iam_policy_document" "active_hours" {
  count = var.active_hours == null ? 0 : 1

  statement {
    sid       = "SetNumberOfTasks"
    actions   = ["ecs:UpdateService"]
    resources = [aws_ecs_service.router.id]
  }
}

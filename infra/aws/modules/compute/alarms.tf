# What an operator wants to be told of the service. The API's own errors and latency are in modules/api, the tables'
# troubles in modules/data, the NAT instance's in modules/networking.

# Nobody counts where there is no task. With active_hours, that is no alarm: a count of 0 has to be of tasks that are there, and
# to last for longer than those that are falling asleep take.
resource "aws_cloudwatch_metric_alarm" "no_healthy_target" {
  count = local.has_alb ? 1 : 0

  alarm_name          = "${local.service_name}-no-healthy-target"
  alarm_description   = "No task passes GET /health: nobody gets an answer. Normal until the first deploy."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = { LoadBalancer = aws_lb.router[0].arn_suffix, TargetGroup = aws_lb_target_group.router[0].arn_suffix }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = var.active_hours == null ? 3 : 5
  datapoints_to_alarm = var.active_hours == null ? 3 : 5
  treat_missing_data  = var.active_hours == null ? "breaching" : "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# Without a load balancer nobody counts healthy tasks, but CPU use is reported by running tasks alone. With active_hours it
# could not be told from sleep.
resource "aws_cloudwatch_metric_alarm" "no_running_task" {
  count = local.has_alb || var.active_hours != null ? 0 : 1

  alarm_name          = "${local.service_name}-no-running-task"
  alarm_description   = "No task has reported for five minutes: nobody gets an answer. Normal until the first deploy."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.router.name }
  statistic           = "SampleCount"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "target_5xx" {
  count = local.has_alb ? 1 : 0

  alarm_name          = "${local.service_name}-5xx"
  alarm_description   = "The router itself answered with 5xx more than five times in five minutes: look into its log."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  dimensions          = { LoadBalancer = aws_lb.router[0].arn_suffix, TargetGroup = aws_lb_target_group.router[0].arn_suffix }
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "target_latency" {
  count = local.has_alb ? 1 : 0

  alarm_name          = "${local.service_name}-latency"
  alarm_description   = "One answer in twenty took longer than ${var.alarm_latency_p95_seconds} s for 15 minutes; a chat is given up after 25."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = { LoadBalancer = aws_lb.router[0].arn_suffix, TargetGroup = aws_lb_target_group.router[0].arn_suffix }
  extended_statistic  = "p95"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_latency_p95_seconds
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "model_throttled" {
  alarm_name          = "${local.service_name}-model-throttled"
  alarm_description   = "Bedrock throttled calls of ${var.bedrock_model_id} for 15 minutes: ask for a higher quota, or set a fallback model."
  namespace           = "AWS/Bedrock"
  metric_name         = "InvocationThrottles"
  dimensions          = { ModelId = var.bedrock_model_id }
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# What the model refuses or fails at. Whether a tenant's wish or this environment's settings are at fault is in the log.
resource "aws_cloudwatch_metric_alarm" "model_failed" {
  alarm_name          = "${local.service_name}-model-failed"
  alarm_description   = "Bedrock refused or failed more than five calls of ${var.bedrock_model_id} in five minutes, twice in 15: look into the router's log."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  metric_query {
    id          = "failed"
    label       = "refused and failed calls"
    expression  = "FILL(refused, 0) + FILL(broken, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { refused = "InvocationClientErrors", broken = "InvocationServerErrors" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Bedrock"
        metric_name = metric_query.value
        dimensions  = { ModelId = var.bedrock_model_id }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

# Near the end of what tasks have, autoscaling or not: at the end answers get slow, and without memory tasks are killed.
resource "aws_cloudwatch_metric_alarm" "task_size" {
  for_each = { cpu = "CPUUtilization", memory = "MemoryUtilization" }

  alarm_name          = "${local.service_name}-${each.key}"
  alarm_description   = "Tasks used more than 85 % of their ${each.key} for 15 minutes: give them more, or run more of them."
  namespace           = "AWS/ECS"
  metric_name         = each.value
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.router.name }
  statistic           = "Average"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 85
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# A deployment that ECS gave up is an event, not a metric. The very first one, before there is an image, is told too.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
resource "aws_cloudwatch_event_rule" "failed_deployment" {
  name        = "${local.service_name}-failed-deployment"
  description = "Deployments of ${local.service_name} that ECS gave up"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Deployment State Change"]
    resources     = [aws_ecs_service.router.id]
    detail        = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
  })
}

resource "aws_cloudwatch_event_target" "failed_deployment" {
  count = length(var.alarm_actions)

  rule      = aws_cloudwatch_event_rule.failed_deployment.name
  target_id = "alarms-${count.index + 1}"
  arn       = var.alarm_actions[count.index]
}

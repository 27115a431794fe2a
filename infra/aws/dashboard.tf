# One page of what matters, as the alarms see it: three such pages of at most 50 metrics are free in an account.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

locals {
  api_dimensions     = ["ApiId", module.api.api_id]
  service_dimensions = ["ClusterName", module.compute.cluster_name, "ServiceName", module.compute.service_name]
  model_dimensions   = ["ModelId", local.bedrock_model_id]
  table_names        = [module.data.conversations_table.name, module.data.tenants_table.name]

  # Metrics name a load balancer and its target group by the ends of their ARNs.
  target_dimensions = var.front == "alb" ? [
    "TargetGroup", regex("targetgroup/.*$", module.compute.target_group_arn),
    "LoadBalancer", trimprefix(regex("loadbalancer/.*$", module.compute.load_balancer_arn), "loadbalancer/"),
  ] : []

  # Title → its metrics: namespace, name, dimensions, and how they are put together.
  dashboard_graphs = [for graph in [
    ["Requests and errors, as callers see them", [
      concat(["AWS/ApiGateway", "Count"], local.api_dimensions, [{ stat = "Sum", label = "requests" }]),
      concat(["AWS/ApiGateway", "4xx"], local.api_dimensions, [{ stat = "Sum", label = "4xx" }]),
      concat(["AWS/ApiGateway", "5xx"], local.api_dimensions, [{ stat = "Sum", label = "5xx" }]),
    ]],
    ["Time to the answer, ms", [
      for percentile in ["p50", "p95", "p99"] :
      concat(["AWS/ApiGateway", "Latency"], local.api_dimensions, [{ stat = percentile, label = percentile }])
    ]],
    ["Processor and memory of the tasks, %", [
      concat(["AWS/ECS", "CPUUtilization"], local.service_dimensions, [{ stat = "Average", label = "processor" }]),
      concat(["AWS/ECS", "MemoryUtilization"], local.service_dimensions, [{ stat = "Average", label = "memory" }]),
    ]],
    ["Tasks", concat(
      [for dimensions in [local.target_dimensions] : concat(
        ["AWS/ApplicationELB", "HealthyHostCount"], dimensions, [{ stat = "Minimum", label = "healthy" }],
      ) if var.front == "alb"],
      # A task reports its use once a minute.
      [for dimensions in [local.service_dimensions] : concat(
        ["AWS/ECS", "CPUUtilization"], dimensions, [{ stat = "SampleCount", period = 60, label = "running" }],
      ) if var.front != "alb"],
    )],
    # What Container Insights measures is charged by metric: where it is on, it is looked at.
    ["Tasks wanted, starting and running", [
      for name, label in { DesiredTaskCount = "wanted", PendingTaskCount = "starting", RunningTaskCount = "running" } :
      concat(["ECS/ContainerInsights", name], local.service_dimensions, [{ stat = "Maximum", label = label }])
      if var.container_insights != "disabled"
    ]],
    ["Calls of ${local.bedrock_model_id}", [
      for name, label in {
        Invocations            = "answered"
        InvocationThrottles    = "throttled"
        InvocationClientErrors = "refused"
        InvocationServerErrors = "failed"
      } : concat(["AWS/Bedrock", name], local.model_dimensions, [{ stat = "Sum", label = label }])
    ]],
    ["Its tokens", [
      for name, label in { InputTokenCount = "input", OutputTokenCount = "output" } :
      concat(["AWS/Bedrock", name], local.model_dimensions, [{ stat = "Sum", label = label }])
    ]],
    ["What the tables read and wrote, units", concat([
      for table in local.table_names :
      ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", table, { stat = "Sum", label = "${table}, read" }]
      ], [
      for table in local.table_names :
      ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table, { stat = "Sum", label = "${table}, written" }]
    ])],
    ["Throttled requests of the tables", concat([
      for table in local.table_names :
      ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", table, { stat = "Sum", label = "${table}, reads" }]
      ], [
      for table in local.table_names :
      ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", table, { stat = "Sum", label = "${table}, writes" }]
    ])],
  ] : graph if length(graph[1]) > 0]
}

resource "aws_cloudwatch_dashboard" "environment" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 4
        properties = {
          title = "Alarms of ${local.name}"
          alarms = concat(
            module.api.alarm_arns,
            module.compute.alarm_arns,
            module.data.alarm_arns,
            module.networking.alarm_arns,
            values(aws_cloudwatch_metric_alarm.backup)[*].arn,
          )
        }
      }],
      [for index, graph in local.dashboard_graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 4 + 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = graph[0]
          metrics = graph[1]
          region  = var.region
          period  = 300
        }
      }],
      [{
        type   = "log"
        x      = 0
        y      = 4 + 6 * ceil(length(local.dashboard_graphs) / 2)
        width  = 24
        height = 6
        properties = {
          title  = "The router's errors and warnings"
          region = var.region
          view   = "table"
          query  = "SOURCE '${module.compute.log_group_name}' | fields @timestamp, level, message, error | filter level in ['ERROR', 'WARN'] | sort @timestamp desc | limit 50"
        }
      }],
    )
  })
}

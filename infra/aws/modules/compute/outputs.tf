output "vpc_link_id" {
  description = "API Gateway's way into the VPC."
  value       = aws_apigatewayv2_vpc_link.this.id
}

output "integration_uri" {
  description = "What the HTTP API calls through the VPC link: the load balancer's listener, or the Cloud Map service."
  value       = var.front == "alb" ? one(aws_lb_listener.http[*].arn) : one(aws_service_discovery_service.router[*].arn)
}

output "load_balancer_arn" {
  description = "The load balancer; null with front = cloud_map."
  value       = one(aws_lb.router[*].arn)
}

output "load_balancer_dns_name" {
  description = "The load balancer's name inside the VPC; null with front = cloud_map."
  value       = one(aws_lb.router[*].dns_name)
}

output "target_group_arn" {
  description = "The load balancer's target group; null with front = cloud_map."
  value       = one(aws_lb_target_group.router[*].arn)
}

output "streaming_stage" {
  description = "The name that the streaming front's stage must have: the load balancer strips it from paths."
  value       = local.streaming_stage
}

output "cluster_name" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "The service."
  value       = aws_ecs_service.router.name
}

output "task_definition_family" {
  description = "The task definition's family."
  value       = aws_ecs_task_definition.router.family
}

output "task_definition_template_arn" {
  description = "The revision that Terraform registered last."
  value       = aws_ecs_task_definition.router.arn
}

output "container_name" {
  description = "The router's container."
  value       = local.container_name
}

output "log_group_name" {
  description = "The router's log."
  value       = aws_cloudwatch_log_group.router.name
}

output "failed_deployment_rule_arn" {
  description = "The rule that tells of failed deployments."
  value       = aws_cloudwatch_event_rule.failed_deployment.arn
}

output "alarm_arns" {
  description = "The alarms of this module."
  value = concat(
    aws_cloudwatch_metric_alarm.no_healthy_target[*].arn,
    aws_cloudwatch_metric_alarm.no_running_task[*].arn,
    aws_cloudwatch_metric_alarm.target_5xx[*].arn,
    aws_cloudwatch_metric_alarm.target_latency[*].arn,
    values(aws_cloudwatch_metric_alarm.task_size)[*].arn,
    [aws_cloudwatch_metric_alarm.model_throttled.arn, aws_cloudwatch_metric_alarm.model_failed.arn],
  )
}

output "role_arns" {
  description = "The execution role and the task role."
  value       = [aws_iam_role.execution.arn, aws_iam_role.task.arn]
}

# What the CLI reads (`terraform output -json`, or the state). Names are fixed; see ../README.md.

output "project" {
  description = "First part of every name."
  value       = var.project
}

output "environment" {
  description = "The environment's name."
  value       = var.environment
}

output "region" {
  description = "AWS region of everything."
  value       = var.region
}

output "api_endpoint" {
  description = "URL of the API, without a slash at its end."
  value       = module.api.endpoint
}

output "streaming_endpoint" {
  description = "URL of the streaming front, without a slash at its end; null when it is off."
  value       = module.api.streaming_endpoint
}

output "domain_targets" {
  description = "What names of your own have to point at (CNAME), where no hosted_zone_id has it done."
  value       = module.api.domain_targets
}

output "egress_addresses" {
  description = "The fixed addresses that the router's calls come from, for others' lists of who may call; none with egress = public."
  value       = module.networking.egress_addresses
}

output "client_address_header" {
  description = "The request header in which API Gateway passes the caller's address on, whatever the client sent there."
  value       = module.api.client_address_header
}

output "ecr_url" {
  description = "The image repository, without a tag."
  value       = module.ecr.repository_url
}

output "ecr_repository_url" {
  description = "The same as ecr_url."
  value       = module.ecr.repository_url
}

output "ecr_repository_name" {
  description = "The image repository's name."
  value       = module.ecr.repository_name
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = module.compute.cluster_name
}

output "service_name" {
  description = "The ECS service."
  value       = module.compute.service_name
}

output "task_definition_family" {
  description = "The family that `deploy` registers revisions in."
  value       = module.compute.task_definition_family
}

output "task_definition_template_arn" {
  description = "The revision that Terraform registered last: what the next `deploy` starts from when it is newer than the one that runs."
  value       = module.compute.task_definition_template_arn
}

output "container_name" {
  description = "The router's container in the task definition."
  value       = module.compute.container_name
}

output "cpu_architecture" {
  description = "What images have to be built for: X86_64 or ARM64."
  value       = var.cpu_architecture
}

output "target_group_arn" {
  description = "The load balancer's target group; null with front = cloud_map."
  value       = module.compute.target_group_arn
}

output "conversations_table_name" {
  description = "The conversations table."
  value       = module.data.conversations_table.name
}

output "tenants_table_name" {
  description = "The tenants table."
  value       = module.data.tenants_table.name
}

output "secrets_prefix" {
  description = "SECRETS_PREFIX: what every tenant's secret names begin with, without a slash at its end."
  value       = module.secrets.prefix
}

output "secrets_policy_arn" {
  description = "The IAM policy that allows the tenants' secrets and nothing else."
  value       = module.secrets.policy_arn
}

output "log_group_name" {
  description = "The router's log."
  value       = module.compute.log_group_name
}

output "access_log_group_name" {
  description = "The API's access log."
  value       = module.api.access_log_group_name
}

output "alarms_topic_arn" {
  description = "The SNS topic of alarms and the budget."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_targets" {
  description = "What alarms tell besides the topic: ARNs."
  value       = sort(var.alarm_targets)
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.environment.dashboard_name
}

output "bedrock_models" {
  description = "The models that the router may call, the default first; a star at the end stands for the rest."
  value       = local.bedrock_models
}

output "autoscaling" {
  description = "The bounds of autoscaling; null when it is off. `t3nets scale` stays inside them."
  value = var.autoscaling_max_count == null ? null : {
    min_count = var.desired_count
    max_count = var.autoscaling_max_count
  }
}

output "active_hours" {
  description = "When there are tasks; null for always."
  value       = var.active_hours
}

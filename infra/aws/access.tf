# Policies for those who deploy, administer, read and plan, and roles for pipelines. See ../README.md, Access.

variable "access" {
  description = "Roles that a pipeline opens with a token instead of a stored key: who issues the token, and for each of deploy, operate, read and plan whose it may be. The account's provider for that issuer is made, or given where there is one."
  type = object({
    issuer       = optional(string, "https://token.actions.githubusercontent.com")
    audience     = optional(string, "sts.amazonaws.com")
    provider_arn = optional(string)
    subjects     = map(list(string))
  })
  default = null

  validation {
    condition     = var.access == null || can(regex("^https://[A-Za-z0-9.:/_-]+$", var.access.issuer))
    error_message = "access.issuer is an https URL."
  }

  validation {
    condition     = var.access == null || alltrue([for name in keys(try(var.access.subjects, {})) : contains(["deploy", "operate", "read", "plan"], name)])
    error_message = "access.subjects are of deploy, operate, read or plan."
  }

  # Every repository there is has tokens of GitHub.
  validation {
    condition = var.access == null || alltrue(flatten([
      for subjects in values(try(var.access.subjects, {})) : [for subject in subjects : can(regex("^([^*?]+|[^*?]*:[^*?:/]+[:/].*)$", subject))]
    ]))
    error_message = "access.subjects begin with whose they are, as in \"repo:acme/t3nets:environment:prod\": one that begins with a wildcard lets everybody in."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role made here, where the account demands one; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary is the ARN of an IAM policy, or null."
  }
}

variable "role_path" {
  description = "IAM path of every role and policy made here, where the account demands one, such as /t3nets/. Given before the first apply: it stays."
  type        = string
  default     = "/"
  nullable    = false

  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path begins and ends with a slash, such as /t3nets/, and has at most 512 characters."
  }
}

# What a policy can be about, as modules/access/calls.json and reads.json name it.
locals {
  access_ecs     = "arn:${local.partition}:ecs:${var.region}:${local.account_id}"
  access_service = "${module.compute.cluster_name}/${module.compute.service_name}"
  access_logs    = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:${module.compute.log_group_name}"
  access_bucket  = "arn:${local.partition}:s3:::${var.project}-terraform-state-${local.account_id}"
  # https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required
  access_state = "${local.access_bucket}/*${var.project}/terraform.tfstate"

  access_resources = {
    any                 = ["*"]
    alarms              = [aws_sns_topic.alarms.arn]
    apis                = ["arn:${local.partition}:apigateway:${var.region}::/*"]
    budgets             = ["arn:${local.partition}:budgets::${local.account_id}:budget/${local.name}*"]
    environment_roles   = ["arn:${local.partition}:iam::${local.account_id}:role${var.role_path}${local.name}-*"]
    cluster             = ["${local.access_ecs}:cluster/${module.compute.cluster_name}"]
    log                 = [local.access_logs, "${local.access_logs}:*"]
    log_groups          = ["arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:*"]
    policies            = ["arn:${local.partition}:iam::${local.account_id}:policy${var.role_path}${local.name}-*"]
    public_parameters   = ["arn:${local.partition}:ssm:${var.region}::parameter/aws/service/*"]
    repository          = [module.ecr.repository_arn]
    roles               = module.compute.role_arns
    rules               = ["arn:${local.partition}:events:${var.region}:${local.account_id}:rule/${local.name}-*"]
    schedules           = ["arn:${local.partition}:scheduler:${var.region}:${local.account_id}:schedule/default/${local.name}-*"]
    secrets             = [module.secrets.arns]
    service             = ["${local.access_ecs}:service/${local.access_service}"]
    service_deployments = ["${local.access_ecs}:service-deployment/${local.access_service}/*"]
    service_revisions   = ["${local.access_ecs}:service-revision/${local.access_service}/*"]
    state               = [local.access_state]
    state_bucket        = [local.access_bucket]
    state_and_lock      = [local.access_state, "${local.access_state}.tflock"]
    state_lock          = ["${local.access_state}.tflock"]
    tables              = flatten([for arn in [module.data.conversations_table.arn, module.data.tenants_table.arn] : [arn, "${arn}/index/*"]])
    task_definitions    = ["${local.access_ecs}:task-definition/${module.compute.task_definition_family}:*"]
    tasks               = ["${local.access_ecs}:task/${module.compute.cluster_name}/*"]
    tasks_of_cluster    = ["*"]
    tenants_table       = [module.data.tenants_table.arn]
  }
}

module "access" {
  source = "./modules/access"

  name                 = local.name
  resources            = local.access_resources
  access               = var.access
  permissions_boundary = var.permissions_boundary
  role_path            = var.role_path
}

output "access_policies" {
  description = "IAM policies as JSON, by what they allow: deploy, operate, read, plan."
  value       = module.access.policies
}

output "access_role_arns" {
  description = "The roles that pipelines open, by what they allow."
  value       = module.access.role_arns
}

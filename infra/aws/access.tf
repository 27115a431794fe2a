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

module "access" {
  source = "./modules/access"

  name                   = local.name
  project                = var.project
  region                 = var.region
  account_id             = local.account_id
  partition              = local.partition
  cluster_name           = module.compute.cluster_name
  service_name           = module.compute.service_name
  task_definition_family = module.compute.task_definition_family
  role_arns              = module.compute.role_arns
  log_group_name         = module.compute.log_group_name
  repository_arn         = module.ecr.repository_arn
  table_arns             = [module.data.conversations_table.arn, module.data.tenants_table.arn]
  tenants_table_arn      = module.data.tenants_table.arn
  secrets_arn            = module.secrets.arns
  alarms_topic_arn       = aws_sns_topic.alarms.arn
  access                 = var.access
  permissions_boundary   = var.permissions_boundary
}

output "access_policies" {
  description = "IAM policies as JSON, by what they allow: deploy, operate, read, plan."
  value       = module.access.policies
}

output "access_role_arns" {
  description = "The roles that pipelines open, by what they allow."
  value       = module.access.role_arns
}

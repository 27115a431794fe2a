variable "name" {
  description = "PROJECT-ENVIRONMENT, the beginning of every name."
  type        = string

  validation {
    condition     = length(var.name) > 0
    error_message = "name is not empty."
  }
}

variable "project" {
  description = "In the name of the state's bucket."
  type        = string

  validation {
    condition     = length(var.project) > 0
    error_message = "project is not empty."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string

  validation {
    condition     = length(var.region) > 0
    error_message = "region is not empty."
  }
}

variable "account_id" {
  description = "AWS account of everything."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is twelve digits."
  }
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string

  validation {
    condition     = startswith(var.partition, "aws")
    error_message = "partition begins with aws."
  }
}

variable "cluster_name" {
  description = "The ECS cluster."
  type        = string

  validation {
    condition     = length(var.cluster_name) > 0
    error_message = "cluster_name is not empty."
  }
}

variable "service_name" {
  description = "The ECS service."
  type        = string

  validation {
    condition     = length(var.service_name) > 0
    error_message = "service_name is not empty."
  }
}

variable "task_definition_family" {
  description = "The family that deploys register revisions in."
  type        = string

  validation {
    condition     = length(var.task_definition_family) > 0
    error_message = "task_definition_family is not empty."
  }
}

variable "role_arns" {
  description = "The task's two roles, which a deploy passes on."
  type        = list(string)

  validation {
    condition     = length(var.role_arns) == 2
    error_message = "role_arns are the execution role and the task role."
  }
}

variable "log_group_name" {
  description = "The router's log."
  type        = string

  validation {
    condition     = length(var.log_group_name) > 0
    error_message = "log_group_name is not empty."
  }
}

variable "repository_arn" {
  description = "The image repository."
  type        = string

  validation {
    condition     = startswith(var.repository_arn, "arn:")
    error_message = "repository_arn is an ARN."
  }
}

variable "table_arns" {
  description = "Both tables."
  type        = list(string)

  validation {
    condition     = length(var.table_arns) == 2
    error_message = "table_arns are two."
  }
}

variable "tenants_table_arn" {
  description = "The tenants table, in which deploys keep their lock and history."
  type        = string

  validation {
    condition     = startswith(var.tenants_table_arn, "arn:")
    error_message = "tenants_table_arn is an ARN."
  }
}

variable "secrets_arn" {
  description = "The tenants' secrets, as a pattern."
  type        = string

  validation {
    condition     = endswith(var.secrets_arn, "/*")
    error_message = "secrets_arn ends with /*."
  }
}

variable "alarms_topic_arn" {
  description = "The topic of alarms."
  type        = string

  validation {
    condition     = startswith(var.alarms_topic_arn, "arn:")
    error_message = "alarms_topic_arn is an ARN."
  }
}

variable "access" {
  description = "Whose tokens open which roles, or null."
  type = object({
    issuer       = string
    audience     = string
    provider_arn = optional(string)
    subjects     = map(list(string))
  })

  validation {
    condition     = var.access == null || startswith(try(var.access.issuer, ""), "https://")
    error_message = "access.issuer is an https URL."
  }
}

variable "permissions_boundary" {
  description = "The boundary of every role, or null."
  type        = string

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:", var.permissions_boundary))
    error_message = "permissions_boundary is an ARN, or null."
  }
}

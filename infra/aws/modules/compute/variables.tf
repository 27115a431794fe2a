variable "name" {
  description = "What every name begins with: {project}-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+-[a-z0-9]+$", var.name))
    error_message = "name is {project}-{environment}."
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
  description = "AWS account, for ARNs."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is twelve digits."
  }
}

variable "partition" {
  description = "AWS partition, for ARNs."
  type        = string

  validation {
    condition     = startswith(var.partition, "aws")
    error_message = "partition begins with aws."
  }
}

variable "vpc_id" {
  description = "The VPC."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id begins with vpc-."
  }
}

variable "vpc_is_shared" {
  description = "Whether others are in the VPC, or reach it: whether it is not this environment's own."
  type        = bool
}

variable "private_subnet_ids" {
  description = "Where the load balancer and the VPC link are."
  type        = list(string)

  validation {
    condition     = alltrue([for id in var.private_subnet_ids : startswith(id, "subnet-")])
    error_message = "private_subnet_ids begin with subnet-."
  }
}

variable "task_subnet_ids" {
  description = "Where the tasks run."
  type        = list(string)

  validation {
    condition     = alltrue([for id in var.task_subnet_ids : startswith(id, "subnet-")])
    error_message = "task_subnet_ids begin with subnet-."
  }
}

variable "assign_public_ip" {
  description = "Whether tasks get public addresses: their only way out with egress = public."
  type        = bool
}

variable "egress_ports" {
  description = "TCP ports on which tasks may open connections to the internet."
  type        = set(number)

  validation {
    condition     = contains(var.egress_ports, 443)
    error_message = "egress_ports include 443."
  }
}

variable "front" {
  description = "alb or cloud_map."
  type        = string

  validation {
    condition     = contains(["alb", "cloud_map"], var.front)
    error_message = "front is alb or cloud_map."
  }
}

variable "front_beside" {
  description = "What is there beside front, while one takes the other's place; null for nothing."
  type        = string

  validation {
    condition     = contains(["alb", "cloud_map"], coalesce(var.front_beside, "alb"))
    error_message = "front_beside is alb, cloud_map or null."
  }
}

variable "wait_for_tasks" {
  description = "Whether a change of the service ends when its tasks run, not when they are asked for."
  type        = bool
}

variable "streaming_front" {
  description = "Whether answers are streamed, so that connections live longer."
  type        = bool
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number

  validation {
    condition     = var.cpu >= 256
    error_message = "cpu is at least 256."
  }
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number

  validation {
    condition     = var.memory >= 512
    error_message = "memory is at least 512."
  }
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64."
  type        = string

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }
}

variable "fargate_spot" {
  description = "Run on spare capacity."
  type        = bool
}

variable "desired_count" {
  description = "Tasks to start with, and autoscaling's minimum."
  type        = number

  validation {
    condition     = var.desired_count >= 1
    error_message = "desired_count is at least 1."
  }
}

variable "active_hours" {
  description = "When there are tasks; null for always."
  type = object({
    from      = string
    to        = string
    days      = set(string)
    time_zone = string
  })

  validation {
    condition     = var.active_hours == null || try(length(var.active_hours.days) > 0, false)
    error_message = "active_hours have a day at least."
  }
}

variable "autoscaling_max_count" {
  description = "The most tasks that autoscaling may run; null for no autoscaling."
  type        = number

  validation {
    condition     = var.autoscaling_max_count == null || try(var.autoscaling_max_count >= 2, false)
    error_message = "autoscaling_max_count is at least 2, or null."
  }
}

variable "autoscaling_cpu_percent" {
  description = "Average CPU use that autoscaling aims for."
  type        = number

  validation {
    condition     = var.autoscaling_cpu_percent > 0 && var.autoscaling_cpu_percent < 100
    error_message = "autoscaling_cpu_percent is between 0 and 100."
  }
}

variable "autoscaling_requests" {
  description = "Requests a minute per task that autoscaling aims for."
  type        = number

  validation {
    condition     = var.autoscaling_requests >= 1
    error_message = "autoscaling_requests is at least 1."
  }
}

variable "container_insights" {
  description = "disabled, enabled or enhanced."
  type        = string

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is disabled, enabled or enhanced."
  }
}

variable "execute_command" {
  description = "ECS Exec into running tasks."
  type        = bool
}

variable "load_balancer_protection" {
  description = "Refuse to delete the load balancer."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that the router's log is kept."
  type        = number

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days is at least 1: a log that is never deleted is not intended."
  }
}

variable "kms_key_arn" {
  description = "The log's key; null for AWS's own."
  type        = string

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:.+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is a KMS key's ARN, or null."
  }
}

variable "alarm_actions" {
  description = "Whom alarms tell, and tell that they are over: ARNs of SNS topics and Lambda functions."
  type        = list(string)

  validation {
    condition     = length(var.alarm_actions) > 0
    error_message = "alarm_actions hold at least the environment's own topic."
  }
}

variable "alarm_latency_p95_seconds" {
  description = "Alarm when one answer in twenty takes longer."
  type        = number

  validation {
    condition     = var.alarm_latency_p95_seconds > 0
    error_message = "alarm_latency_p95_seconds is above 0."
  }
}

variable "repository_url" {
  description = "The image repository, without a tag."
  type        = string

  validation {
    condition     = !strcontains(var.repository_url, "@")
    error_message = "repository_url has no tag and no digest."
  }
}

variable "repository_arn" {
  description = "The image repository's ARN."
  type        = string

  validation {
    condition     = can(regex("^arn:.+:ecr:", var.repository_arn))
    error_message = "repository_arn is an ECR repository's ARN."
  }
}

variable "conversations_table" {
  description = "Name and ARN of the conversations table."
  type        = object({ name = string, arn = string })

  validation {
    condition     = can(regex("^arn:.+:dynamodb:", var.conversations_table.arn))
    error_message = "conversations_table.arn is a DynamoDB table's ARN."
  }
}

variable "tenants_table" {
  description = "Name and ARN of the tenants table, and the ARN of its index."
  type        = object({ name = string, arn = string, index_arn = string })

  validation {
    condition     = can(regex("^arn:.+:dynamodb:", var.tenants_table.arn))
    error_message = "tenants_table.arn is a DynamoDB table's ARN."
  }
}

variable "secrets_prefix" {
  description = "SECRETS_PREFIX, without a slash at its end."
  type        = string

  validation {
    condition     = startswith(var.secrets_prefix, "/") && !endswith(var.secrets_prefix, "/")
    error_message = "secrets_prefix begins with a slash and does not end with one."
  }
}

variable "secrets_policy_arn" {
  description = "The policy that allows the tenants' secrets."
  type        = string

  validation {
    condition     = can(regex("^arn:.+:iam:", var.secrets_policy_arn))
    error_message = "secrets_policy_arn is an IAM policy's ARN."
  }
}

variable "bedrock_model_id" {
  description = "BEDROCK_MODEL_ID."
  type        = string

  validation {
    condition     = length(var.bedrock_model_id) > 0
    error_message = "bedrock_model_id is not empty."
  }
}

variable "bedrock_models" {
  description = "All models that the router may call: ids, inference profiles, ARNs; a star at the end stands for the rest."
  type        = list(string)

  validation {
    condition     = length(var.bedrock_models) > 0
    error_message = "bedrock_models hold at least one."
  }
}

variable "bedrock_profile_regions" {
  description = "What the ids of Bedrock's own inference profiles begin with, and the regions among which each chooses."
  type        = map(list(string))

  validation {
    condition     = alltrue([for regions in values(var.bedrock_profile_regions) : length(regions) > 0])
    error_message = "bedrock_profile_regions name at least one region each."
  }
}

variable "bedrock_guardrails" {
  description = "Guardrails that the router may apply: ids, ARNs, a star for all of the account's in the region."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for id in var.bedrock_guardrails : length(id) > 0])
    error_message = "bedrock_guardrails have no empty one."
  }
}

variable "admin_api" {
  description = "T3NETS_ADMIN_API."
  type        = bool
  nullable    = false
}

variable "production" {
  description = "T3NETS_PRODUCTION."
  type        = bool
  nullable    = false
}

variable "anonymous_tenant" {
  description = "T3NETS_ANONYMOUS_TENANT, or null."
  type        = string

  validation {
    condition     = var.anonymous_tenant == null || can(regex("^[a-z0-9][a-z0-9-]{0,62}$", var.anonymous_tenant))
    error_message = "anonymous_tenant is a tenant id, or null."
  }
}

variable "private_ranges" {
  description = "T3NETS_PRIVATE_RANGES, as a list."
  type        = list(string)

  validation {
    condition     = alltrue([for range in var.private_ranges : can(cidrhost(range, 0))])
    error_message = "private_ranges are address ranges."
  }
}

variable "budget_webhook" {
  description = "T3NETS_BUDGET_WEBHOOK, or null."
  type        = string

  validation {
    condition     = var.budget_webhook == null || can(regex("^https://[^ ]+$", var.budget_webhook))
    error_message = "budget_webhook is an https URL, or null."
  }
}

variable "public_url" {
  description = "T3NETS_PUBLIC_URL, or null."
  type        = string

  validation {
    condition     = var.public_url == null || can(regex("^https://[^/ ]+$", var.public_url))
    error_message = "public_url is an https URL without a path, or null."
  }
}

variable "oidc_issuer" {
  description = "T3NETS_OIDC_ISSUER, or null."
  type        = string

  validation {
    condition     = var.oidc_issuer == null || can(regex("^https://", var.oidc_issuer))
    error_message = "oidc_issuer is an https URL, or null."
  }
}

variable "oidc_audience" {
  description = "T3NETS_OIDC_AUDIENCE, or null."
  type        = string

  validation {
    condition     = var.oidc_audience == null || try(length(var.oidc_audience) > 0, false)
    error_message = "oidc_audience is not empty."
  }
}

variable "log_filter" {
  description = "RUST_LOG."
  type        = string

  validation {
    condition     = length(var.log_filter) > 0
    error_message = "log_filter is not empty."
  }
}

variable "metrics_address" {
  description = "T3NETS_METRICS_ADDR, or null."
  type        = string

  validation {
    condition     = var.metrics_address == null || can(regex(":[0-9]+$", var.metrics_address))
    error_message = "metrics_address is address:port, or null."
  }
}

variable "otel_environment" {
  description = "OTEL_* variables of the container."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.otel_environment) : startswith(name, "OTEL_")])
    error_message = "otel_environment holds OTEL_ variables only."
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

variable "role_path" {
  description = "The path of every role."
  type        = string

  validation {
    condition     = startswith(var.role_path, "/") && endswith(var.role_path, "/")
    error_message = "role_path begins and ends with a slash."
  }
}

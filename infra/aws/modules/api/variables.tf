variable "name" {
  description = "What every name begins with: {project}-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+-[a-z0-9]+$", var.name))
    error_message = "name is {project}-{environment}."
  }
}

variable "vpc_link_id" {
  description = "The way into the VPC."
  type        = string

  validation {
    condition     = length(var.vpc_link_id) > 0
    error_message = "vpc_link_id is not empty."
  }
}

variable "integration_uri" {
  description = "The load balancer's listener or the Cloud Map service that requests go to."
  type        = string

  validation {
    condition     = startswith(var.integration_uri, "arn:")
    error_message = "integration_uri is an ARN."
  }
}

variable "cors_allow_origins" {
  description = "Web origins that may call the API from a browser."
  type        = list(string)

  validation {
    condition     = length(var.cors_allow_origins) > 0
    error_message = "cors_allow_origins hold at least one."
  }
}

variable "throttling_rate_limit" {
  description = "Requests a second that are admitted on average."
  type        = number

  validation {
    condition     = var.throttling_rate_limit >= 1
    error_message = "throttling_rate_limit is at least 1: 0 refuses everybody."
  }
}

variable "throttling_burst_limit" {
  description = "Requests that are admitted at once."
  type        = number

  validation {
    condition     = var.throttling_burst_limit >= 1
    error_message = "throttling_burst_limit is at least 1: 0 refuses everybody."
  }
}

variable "access_log_retention_days" {
  description = "Days that the access log is kept."
  type        = number

  validation {
    condition     = var.access_log_retention_days >= 1
    error_message = "access_log_retention_days is at least 1: a log that is never deleted is not intended."
  }
}

variable "kms_key_arn" {
  description = "The access log's key; null for AWS's own."
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

variable "streaming_front" {
  description = "Make the streaming front."
  type        = bool
}

variable "streaming_stage" {
  description = "Name of the streaming front's stage."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+$", var.streaming_stage))
    error_message = "streaming_stage is lower-case letters."
  }
}

variable "load_balancer_arn" {
  description = "The load balancer that the streaming front calls; null without one."
  type        = string

  validation {
    condition     = var.load_balancer_arn == null || can(regex("^arn:.+:elasticloadbalancing:", var.load_balancer_arn))
    error_message = "load_balancer_arn is a load balancer's ARN, or null."
  }
}

variable "load_balancer_dns_name" {
  description = "The load balancer's name; null without one."
  type        = string

  validation {
    condition     = var.load_balancer_dns_name == null || try(length(var.load_balancer_dns_name) > 0, false)
    error_message = "load_balancer_dns_name is not empty."
  }
}

variable "domain_name" {
  description = "The HTTP API's own name; null for none."
  type        = string

  validation {
    condition     = var.domain_name == null || try(length(var.domain_name) > 0, false)
    error_message = "domain_name is not empty."
  }
}

variable "streaming_domain_name" {
  description = "The streaming front's own name; null for none."
  type        = string

  validation {
    condition     = var.streaming_domain_name == null || try(length(var.streaming_domain_name) > 0, false)
    error_message = "streaming_domain_name is not empty."
  }
}

variable "hosted_zone_id" {
  description = "The Route 53 zone of the names; null where DNS is elsewhere."
  type        = string

  validation {
    condition     = var.hosted_zone_id == null || can(regex("^Z", var.hosted_zone_id))
    error_message = "hosted_zone_id begins with Z."
  }
}

variable "certificate_arn" {
  description = "The names' certificate; null to have one made."
  type        = string

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:.+:acm:", var.certificate_arn))
    error_message = "certificate_arn is a certificate's ARN, or null."
  }
}

variable "execute_api" {
  description = "Answer at the addresses that AWS gives, too."
  type        = bool
}

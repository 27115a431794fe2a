variable "name" {
  description = "What every name begins with: {project}-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+-[a-z0-9]+$", var.name))
    error_message = "name is {project}-{environment}."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the tables."
  type        = bool
}

variable "point_in_time_recovery" {
  description = "Keep the tables restorable to any second of the last 35 days."
  type        = bool
}

variable "kms_key_arn" {
  description = "The tables' key; null for DynamoDB's own."
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

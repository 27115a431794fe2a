variable "project" {
  description = "First part of the secrets' path."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.project))
    error_message = "project is lower-case letters and digits."
  }
}

variable "environment" {
  description = "Second part of the secrets' path."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.environment))
    error_message = "environment is lower-case letters and digits."
  }
}

variable "region" {
  description = "AWS region of the secrets."
  type        = string

  validation {
    condition     = length(var.region) > 0
    error_message = "region is not empty."
  }
}

variable "account_id" {
  description = "AWS account of the secrets."
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

variable "admin_api" {
  description = "Whether the router manages the secrets, too."
  type        = bool
  nullable    = false
}

variable "role_path" {
  description = "The path of the policy."
  type        = string

  validation {
    condition     = startswith(var.role_path, "/") && endswith(var.role_path, "/")
    error_message = "role_path begins and ends with a slash."
  }
}

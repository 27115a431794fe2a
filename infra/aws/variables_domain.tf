# Names of your own for the API.

variable "domain_name" {
  description = "The API's own name, such as chat.example.com; null for the one that AWS gives it. It needs hosted_zone_id or certificate_arn."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain_name))
    error_message = "domain_name is a name such as chat.example.com."
  }
}

variable "streaming_domain_name" {
  description = "The streaming front's own name, such as stream.example.com."
  type        = string
  default     = null

  validation {
    condition     = var.streaming_domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.streaming_domain_name))
    error_message = "streaming_domain_name is a name such as stream.example.com."
  }
}

variable "hosted_zone_id" {
  description = "The Route 53 zone that the names are in: they are pointed at the API there, and without certificate_arn the certificate is made by it. Null where DNS is elsewhere: output domain_targets has what to point them at."
  type        = string
  default     = null

  validation {
    condition     = var.hosted_zone_id == null || can(regex("^Z[A-Z0-9]{1,31}$", var.hosted_zone_id))
    error_message = "hosted_zone_id is a hosted zone's id, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "certificate_arn" {
  description = "A certificate of ACM's for the names, in the environment's region; null to have one made."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "certificate_arn is the ARN of a certificate of ACM's."
  }
}

variable "execute_api" {
  description = "Answer at the addresses that AWS gives, too. With names of your own they can be closed: in an apply of its own, once everybody uses the names."
  type        = bool
  default     = true
  nullable    = false
}

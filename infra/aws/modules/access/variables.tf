variable "name" {
  description = "PROJECT-ENVIRONMENT, the beginning of every name."
  type        = string

  validation {
    condition     = length(var.name) > 0
    error_message = "name is not empty."
  }
}

variable "resources" {
  description = "The ARNs of each kind of resource that calls.json and reads.json name."
  type        = map(list(string))

  validation {
    condition     = length(setsubtract(flatten([for calls in values(jsondecode(file("${path.module}/calls.json"))) : values(calls)]), keys(var.resources))) == 0
    error_message = "resources has every kind that calls.json names."
  }

  validation {
    condition = length(setsubtract(flatten([
      for types in [for name, types in jsondecode(file("${path.module}/reads.json")) : types if name != "provider"] :
      [for type in values(types) : values(type.reads)]
    ]), keys(var.resources))) == 0
    error_message = "resources has every kind that reads.json names."
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

variable "role_path" {
  description = "The path of every role."
  type        = string

  validation {
    condition     = startswith(var.role_path, "/") && endswith(var.role_path, "/")
    error_message = "role_path begins and ends with a slash."
  }
}

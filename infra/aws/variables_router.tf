# What the router is told: the variables of its container.

variable "bedrock_model_id" {
  description = "BEDROCK_MODEL_ID: a model, an inference profile, or the ARN of either, of a prompt router, or of a provisioned, deployed custom or imported model. Null for Claude Sonnet 4.5 through the region's own inference profile."
  type        = string
  default     = null

  validation {
    condition     = var.bedrock_model_id == null || can(regex("^([a-z0-9-]+\\.[A-Za-z0-9.:-]+|arn:[a-z-]+:bedrock:[^:*]*:[0-9]*:[a-z-]+/[^*]+)$", var.bedrock_model_id))
    error_message = "bedrock_model_id is a model id such as us.anthropic.claude-sonnet-4-5-20250929-v1:0, or a Bedrock ARN."
  }
}

variable "bedrock_allowed_models" {
  description = "What the router may call besides bedrock_model_id, so that a tenant's setting, a tier or a fallback can name it: model ids, inference profiles, ARNs. A star at the end stands for the rest. Null for all of Claude and Nova through the region's own inference profiles."
  type        = list(string)
  default     = null

  validation {
    condition = alltrue([
      for id in coalesce(var.bedrock_allowed_models, []) :
      can(regex("^([a-z0-9-]+\\.[A-Za-z0-9.:-]*\\*?|arn:[a-z-]+:bedrock:[^:*]*:[0-9]*:[a-z-]+/[^*]+)$", id))
    ])
    error_message = "bedrock_allowed_models are model ids such as us.anthropic.claude-sonnet-4-5-20250929-v1:0, their beginnings with a star such as us.anthropic.*, or Bedrock ARNs."
  }
}

variable "bedrock_guardrails" {
  description = "The guardrails that tenants' settings may name: ids, or ARNs where a guardrail works across regions (its own and its profile's). A star is all of the account's in the region."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.bedrock_guardrails : can(regex("^([a-z0-9]+|\\*|arn:[a-z-]+:bedrock:[^*]+:guardrail(-profile)?/[^*]+)$", id))
    ])
    error_message = "bedrock_guardrails are guardrail ids such as gr1a2b3c4d5e, ARNs of guardrails or their profiles, or a star."
  }
}

variable "admin_api" {
  description = "T3NETS_ADMIN_API: whether admins of tenants may administer them over HTTP. The task role may then write what it otherwise only reads: the tenants' secrets, by path and tag."
  type        = bool
  default     = true
  nullable    = false
}

variable "anonymous_tenant" {
  description = "T3NETS_ANONYMOUS_TENANT: the tenant that callers without a credential get; null refuses them."
  type        = string
  default     = null

  validation {
    condition     = var.anonymous_tenant == null || can(regex("^[a-z0-9][a-z0-9-]{0,62}$", var.anonymous_tenant))
    error_message = "anonymous_tenant is a tenant id: lower-case letters, digits and hyphens, at most 63."
  }
}

variable "private_ranges" {
  description = "T3NETS_PRIVATE_RANGES: the private address ranges (CIDR) to which tenants' own addresses (`url` of jira, `base_url` of openai and anthropic) may lead, such as that of a subnet with model servers. Others are refused: a tenant could have the router ask machines that trust it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.private_ranges : can(cidrhost(range, 0))])
    error_message = "private_ranges are address ranges such as 10.20.0.0/16."
  }
}

variable "budget_webhook" {
  description = "T3NETS_BUDGET_WEBHOOK: the https address that the router tells when 80 % of a tenant's, user's or key's budget is used, and when all of it is. It shows in the task definition; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.budget_webhook == null || can(regex("^https://[^ ]+$", var.budget_webhook))
    error_message = "budget_webhook is an https URL."
  }
}

variable "public_url" {
  description = "T3NETS_PUBLIC_URL: where people reach the router, without a path, to come back to from a sign-in at an MCP server. Null for domain_name, where that is set; without both nobody can sign in, so give it the output `api_endpoint` then."
  type        = string
  default     = null

  validation {
    condition     = var.public_url == null || can(regex("^https://[^/ ]+$", var.public_url))
    error_message = "public_url is an https URL without a path."
  }
}

variable "oidc_issuer" {
  description = "T3NETS_OIDC_ISSUER: the OpenID Connect issuer whose JWTs the router accepts beside API keys, letter by letter as tokens name it (docs/tenants-and-secrets.md); null for API keys only."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || can(regex("^https://[^ ]+$", var.oidc_issuer))
    error_message = "oidc_issuer is an https URL."
  }
}

variable "oidc_audience" {
  description = "T3NETS_OIDC_AUDIENCE: the audience that a token must name; of a Cognito user pool, the app client's id."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_audience == null || try(length(var.oidc_audience) > 0, false)
    error_message = "oidc_audience is not empty."
  }
}

variable "log_filter" {
  description = "RUST_LOG: what the router logs."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_:=,\\[\\]{}-]+$", var.log_filter))
    error_message = "log_filter is a tracing filter such as info or info,router=debug."
  }
}

variable "metrics_address" {
  description = "T3NETS_METRICS_ADDR: where the router serves Prometheus metrics, for a collector in the task. The load balancer never reaches it; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.metrics_address == null || (can(regex("^[0-9.]+:[0-9]{2,5}$", var.metrics_address)) && !endswith(coalesce(var.metrics_address, "-"), ":8080"))
    error_message = "metrics_address is address:port on a port other than 8080, such as 127.0.0.1:9090."
  }
}

variable "otel_environment" {
  description = "OTEL_* variables of the container, for traces. Not for secrets: they show in the task definition."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.otel_environment) : can(regex("^OTEL_[A-Z0-9_]+$", name)) && !endswith(name, "_HEADERS")])
    error_message = "otel_environment holds OTEL_ variables, and none of the _HEADERS ones, which carry credentials."
  }
}

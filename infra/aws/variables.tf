# What an environment can choose, but for what the router is told (variables_router.tf). The values are in
# environments/*.tfvars; rules across variables are in main.tf.

# ------------------------------------------------------------------ identity

variable "project" {
  description = "First part of every resource's name."
  type        = string
  default     = "t3nets"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.project))
    error_message = "project is 2 to 12 lower-case letters and digits: load balancer names end at 32 characters."
  }
}

variable "environment" {
  description = "Second part of every resource's name, and the environment's name in SECRETS_PREFIX."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment)) && var.environment != "local"
    error_message = "environment is 2 to 12 lower-case letters and digits, and not local, which needs no infrastructure."
  }
}

variable "production" {
  description = "T3NETS_PRODUCTION: whether callers must have a credential, tasks may not be Spot's, and alarms must be heard. An environment called prod or production always is."
  type        = bool
  default     = false
  nullable    = false
}

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-gov)?-[a-z]+-[0-9]$", var.region))
    error_message = "region is an AWS region's code, such as us-east-1."
  }
}

variable "tags" {
  description = "Tags of all that Terraform makes, and of the tasks, besides Project, Environment and ManagedBy: a cost centre, an owner. They do not reach the tenants' secrets, which the router and the CLI make."
  type        = map(string)
  default     = {}
  nullable    = false

  # IAM tells keys apart by more than their case, and a resource has at most 50 tags, some of them AWS's and this folder's own.
  # https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
  validation {
    condition     = alltrue([for key in keys(var.tags) : !contains(["project", "environment", "managedby", "name"], lower(key)) && !startswith(lower(key), "aws:")])
    error_message = "tags have no key that is AWS's (aws:…) or this folder's own: Project, Environment, ManagedBy, Name, in any case."
  }

  validation {
    condition     = length(var.tags) <= 40 && length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags) && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{N} _.:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{N} _.:/=+@-]{0,256}$", value))])
    error_message = "tags are at most 40, with keys of 1 to 128 and values of at most 256 letters, digits, spaces and _.:/=+-@, and no two keys differ in case alone."
  }
}

# ------------------------------------------------------------------- network

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made; for an existing one see vpc_id."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr is an IPv4 network, such as 10.0.0.0/16."
  }
}

variable "public_subnet_cidrs" {
  description = "Addresses of the two public subnets, one in each of two zones; null for parts of vpc_cidr."
  type        = list(string)
  default     = null

  validation {
    condition     = var.public_subnet_cidrs == null || try(length(var.public_subnet_cidrs) == 2 && alltrue([for cidr in var.public_subnet_cidrs : can(cidrnetmask(cidr))]), false)
    error_message = "public_subnet_cidrs are two IPv4 networks."
  }
}

variable "private_subnet_cidrs" {
  description = "Addresses of the two private subnets, one in each of two zones; null for parts of vpc_cidr."
  type        = list(string)
  default     = null

  validation {
    condition     = var.private_subnet_cidrs == null || try(length(var.private_subnet_cidrs) == 2 && alltrue([for cidr in var.private_subnet_cidrs : can(cidrnetmask(cidr))]), false)
    error_message = "private_subnet_cidrs are two IPv4 networks."
  }
}

variable "egress" {
  description = "How tasks reach the internet: nat_gateway (managed, about $33 a month), nat_instance (one small instance, about $7), public (tasks get public addresses and no NAT), or existing (the way that an existing VPC has; with vpc_id)."
  type        = string
  default     = "nat_gateway"
  nullable    = false

  validation {
    condition     = contains(["nat_gateway", "nat_instance", "public", "existing"], var.egress)
    error_message = "egress is nat_gateway, nat_instance, public, or existing."
  }
}

variable "nat_gateway_per_zone" {
  description = "A NAT gateway in each zone, so that one zone's failure does not cut off the other. The reference has a single one."
  type        = bool
  default     = false
  nullable    = false
}

variable "nat_instance" {
  description = "With egress = nat_instance: which of two instances that is, a or b. The other one begins with the newest image; see nat_instance_beside."
  type        = string
  default     = "a"
  nullable    = false

  validation {
    condition     = contains(["a", "b"], var.nat_instance)
    error_message = "nat_instance is a or b."
  }
}

variable "interface_endpoints" {
  description = "AWS services to reach by interface endpoints instead of by the internet (about $15 a month each in two zones). DynamoDB and S3 have free gateway endpoints always; in an existing VPC all endpoints but these are its owner's."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = length(setsubtract(var.interface_endpoints, [
      "bedrock-runtime", "ecr.api", "ecr.dkr", "logs", "secretsmanager",
    ])) == 0
    error_message = "interface_endpoints are among the services a task calls: bedrock-runtime, ecr.api, ecr.dkr, logs, secretsmanager."
  }
}

variable "egress_ports" {
  description = "TCP ports on which tasks may open connections to the internet. 443 reaches AWS, Jira and chat services; add the port of an MCP or model server that listens elsewhere."
  type        = set(number)
  default     = [443]
  nullable    = false

  validation {
    condition     = contains(var.egress_ports, 443) && alltrue([for port in var.egress_ports : port >= 1 && port <= 65535])
    error_message = "egress_ports are TCP ports and include 443, without which no AWS service is reachable."
  }
}

variable "flow_logs" {
  description = "Record the traffic (addresses, ports, verdicts) of the whole VPC in CloudWatch Logs."
  type        = bool
  default     = false
  nullable    = false
}

# ------------------------------------------------------------ what is stored

variable "deletion_protection" {
  description = "Refuse to delete the tables and the load balancer until this is switched off."
  type        = bool
  default     = false
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Keep the tables restorable to any second of the last 35 days."
  type        = bool
  default     = false
  nullable    = false
}

variable "customer_managed_key" {
  description = "Encrypt tables, images, logs and notifications with a KMS key of the account's own ($1 a month). The image repository keeps what it was made with; for switching it off see keep_unused_key."
  type        = bool
  default     = false
  nullable    = false
}

variable "ecr_force_delete" {
  description = "Let destroy delete the image repository while it holds images."
  type        = bool
  default     = false
  nullable    = false
}

# ------------------------------------------------------------------- service

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu is 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory >= 512 && var.memory <= 30720 && floor(var.memory) == var.memory
    error_message = "memory is 512 to 30720 MiB."
  }
}

variable "cpu_architecture" {
  description = "What images are built for and tasks run on: X86_64, or ARM64, which is a fifth cheaper."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }
}

variable "fargate_spot" {
  description = "Run on spare capacity at about a third of the price; AWS may stop a task at two minutes' notice."
  type        = bool
  default     = false
  nullable    = false
}

variable "desired_count" {
  description = "Tasks to start with, and autoscaling's minimum. Later changes are made by `t3nets scale` and by autoscaling, not by Terraform."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.desired_count >= 1 && var.desired_count <= 100 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count is a whole number from 1 to 100."
  }
}

variable "active_hours" {
  description = "Have tasks in these hours only (times of day in time_zone, on these days), and none outside them; null for always. Not for production."
  type = object({
    from      = string
    to        = string
    days      = set(string)
    time_zone = string
  })
  default = null

  validation {
    condition = var.active_hours == null || try(
      alltrue([for time in [var.active_hours.from, var.active_hours.to] : can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", time))]) &&
      tonumber(replace(var.active_hours.from, ":", "")) < tonumber(replace(var.active_hours.to, ":", "")), false
    )
    error_message = "active_hours go from a time such as 08:00 to a later one of the same day, such as 18:00."
  }

  validation {
    condition     = var.active_hours == null || try(length(var.active_hours.days) > 0 && length(setsubtract(var.active_hours.days, ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])) == 0, false)
    error_message = "The days of active_hours are among MON, TUE, WED, THU, FRI, SAT, SUN."
  }

  validation {
    condition     = var.active_hours == null || can(regex("^[A-Z][A-Za-z_]*(/[A-Za-z0-9_+-]+)*$", var.active_hours.time_zone))
    error_message = "The time_zone of active_hours is a name such as Europe/Berlin or UTC."
  }
}

variable "autoscaling_max_count" {
  description = "The most tasks that autoscaling may run; null for no autoscaling."
  type        = number
  default     = null

  validation {
    condition     = var.autoscaling_max_count == null || try(var.autoscaling_max_count >= 2 && var.autoscaling_max_count <= 100, false)
    error_message = "autoscaling_max_count is 2 to 100, or null."
  }
}

variable "autoscaling_cpu_percent" {
  description = "Average CPU use that autoscaling aims for."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.autoscaling_cpu_percent >= 20 && var.autoscaling_cpu_percent <= 90
    error_message = "autoscaling_cpu_percent is 20 to 90."
  }
}

variable "autoscaling_requests_per_task" {
  description = "Requests a minute per task that autoscaling aims for (with front = alb)."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.autoscaling_requests_per_task >= 1
    error_message = "autoscaling_requests_per_task is at least 1."
  }
}

variable "container_insights" {
  description = "Container Insights of the cluster: disabled, enabled, or enhanced. Charged by metric."
  type        = string
  default     = "disabled"
  nullable    = false

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is disabled, enabled or enhanced."
  }
}

variable "execute_command" {
  description = "ECS Exec into running tasks, for an investigation. It makes the container's root file system writable."
  type        = bool
  default     = false
  nullable    = false
}

variable "front" {
  description = "What stands between API Gateway and the tasks: alb (internal load balancer), or cloud_map (none; about $15 a month less)."
  type        = string
  default     = "alb"
  nullable    = false

  validation {
    condition     = contains(["alb", "cloud_map"], var.front)
    error_message = "front is alb or cloud_map."
  }
}

# ----------------------------------------------------------------------- API

variable "cors_allow_origins" {
  description = "Web origins that may call the API from a browser."
  type        = list(string)
  default     = ["*"]
  nullable    = false

  validation {
    condition     = length(var.cors_allow_origins) > 0 && alltrue([for origin in var.cors_allow_origins : origin == "*" || can(regex("^https?://[^/ ]+$", origin))])
    error_message = "cors_allow_origins are * or origins such as https://chat.example.com."
  }
}

variable "throttling_rate_limit" {
  description = "Requests a second that the API admits on average; more get 429."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.throttling_rate_limit >= 1 && var.throttling_rate_limit <= 10000
    error_message = "throttling_rate_limit is 1 to 10000, the account's default quota."
  }
}

variable "throttling_burst_limit" {
  description = "Requests that the API admits at once."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.throttling_burst_limit >= 1 && var.throttling_burst_limit <= 5000
    error_message = "throttling_burst_limit is 1 to 5000, the account's default quota."
  }
}

variable "streaming_front" {
  description = "A second front that streams answers as they are written: a REST API beside the HTTP API, which cannot."
  type        = bool
  default     = false
  nullable    = false
}

# ------------------------------------------------------------ logs and alarms

variable "log_retention_days" {
  description = "Days that the router's log (and the flow log, if on) is kept; 3653, ten years, is the longest."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "access_log_retention_days" {
  description = "Days that the API's access log is kept; 3653, ten years, is the longest."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.access_log_retention_days)
    error_message = "access_log_retention_days is one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "alarm_emails" {
  description = "Who is told of alarms and of the budget. Each address has to confirm a mail first."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alarm_emails are e-mail addresses."
  }
}

variable "alarm_targets" {
  description = "What is told of alarms and failed deployments besides: ARNs of SNS topics that a chat or a pager listens to, or of Lambda functions. Their own policies must admit CloudWatch and EventBridge. The budget tells alarm_emails alone."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_targets : can(regex("^arn:[a-z-]+:(sns:[a-z0-9-]+:[0-9]{12}:|lambda:[a-z0-9-]+:[0-9]{12}:function:)[A-Za-z0-9_:-]+$", arn))])
    error_message = "alarm_targets are ARNs of SNS topics or Lambda functions."
  }
}

variable "alarm_latency_p95_seconds" {
  description = "Alarm when one answer in twenty takes longer. A chat is given up after 25 s."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.alarm_latency_p95_seconds > 0 && var.alarm_latency_p95_seconds <= 30
    error_message = "alarm_latency_p95_seconds is above 0 and at most 30."
  }
}

variable "monthly_budget_usd" {
  description = "Notify at 80 % of this sum spent in a month, and when the forecast passes it; null for no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd is above 0, or null."
  }
}

variable "budget_by_tag" {
  description = "Count only what is tagged with this environment, instead of the whole account with all its environments. The tag Environment has to be activated as a cost allocation tag first, once per organisation, and counts from then on; until then the budget sees 0."
  type        = bool
  default     = false
  nullable    = false
}

variable "name" {
  description = "What every name begins with: {project}-{environment}."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+-[a-z0-9]+$", var.name))
    error_message = "name is {project}-{environment}."
  }
}

variable "region" {
  description = "AWS region, for the endpoints' service names."
  type        = string

  validation {
    condition     = length(var.region) > 0
    error_message = "region is not empty."
  }
}

variable "existing" {
  description = "The VPC and the subnets that are there already, where nothing of the kind shall be made; or null."
  type = object({
    vpc_id             = string
    cidrs              = list(string)
    private_subnet_ids = list(string)
    public_subnet_ids  = list(string)
  })

  validation {
    condition     = var.existing == null || can(regex("^vpc-", var.existing.vpc_id))
    error_message = "existing has a VPC's id, or is null."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr is an IPv4 network."
  }
}

variable "public_subnet_cidrs" {
  description = "Addresses of the two public subnets."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_cidrs) == 2
    error_message = "public_subnet_cidrs are two networks."
  }
}

variable "private_subnet_cidrs" {
  description = "Addresses of the two private subnets."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_cidrs) == 2
    error_message = "private_subnet_cidrs are two networks."
  }
}

variable "egress" {
  description = "nat_gateway, nat_instance, public, or existing."
  type        = string

  validation {
    condition     = contains(["nat_gateway", "nat_instance", "public", "existing"], var.egress)
    error_message = "egress is nat_gateway, nat_instance, public or existing."
  }
}

variable "egress_beside" {
  description = "What is there beside egress, while one takes the other's place; null for nothing."
  type        = string

  validation {
    condition     = contains(["nat_gateway", "nat_instance", "public", "existing"], coalesce(var.egress_beside, "public"))
    error_message = "egress_beside is nat_gateway, nat_instance, public, existing or null."
  }
}

variable "nat_instance" {
  description = "Which of two instances the NAT instance is: a or b."
  type        = string

  validation {
    condition     = contains(["a", "b"], var.nat_instance)
    error_message = "nat_instance is a or b."
  }
}

variable "nat_instance_beside" {
  description = "The other one, while it takes its place; null for none."
  type        = string

  validation {
    condition     = contains(["a", "b"], coalesce(var.nat_instance_beside, "a"))
    error_message = "nat_instance_beside is a, b or null."
  }
}

variable "nat_gateway_per_zone" {
  description = "A NAT gateway in each zone instead of one."
  type        = bool
}

variable "interface_endpoints" {
  description = "AWS services to reach by interface endpoints."
  type        = set(string)

  validation {
    condition     = length(setintersection(var.interface_endpoints, ["dynamodb", "s3"])) == 0
    error_message = "DynamoDB and S3 have gateway endpoints already."
  }
}

variable "flow_logs" {
  description = "Record the VPC's traffic."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that the flow log is kept."
  type        = number

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days is at least 1: a log that is never deleted is not intended."
  }
}

variable "kms_key_arn" {
  description = "The key of the flow log; null for AWS's own."
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

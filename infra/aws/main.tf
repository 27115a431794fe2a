# The modules and how they hang together. Reading order: networking, data, secrets, ecr, compute, api.
# Decisions and their reasons are in ../README.md.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  is_production = var.production || contains(["prod", "production"], var.environment)
}

# What one variable's own validation cannot see, because it concerns several. (Terraform 1.9 could say it in the variables.)
resource "terraform_data" "consistent_variables" {
  lifecycle {
    precondition {
      condition     = !local.is_production || var.anonymous_tenant == null
      error_message = "anonymous_tenant lets anyone in and must stay unset in production; the router refuses to start with it there."
    }

    precondition {
      condition     = !local.is_production || !var.fargate_spot
      error_message = "fargate_spot lets AWS stop every task at two minutes' notice; it is not for production."
    }

    precondition {
      condition     = !local.is_production || var.active_hours == null
      error_message = "active_hours leave nobody to answer outside them; they are not for production."
    }

    precondition {
      condition     = !local.is_production || var.customer_managed_key || var.keep_unused_key || var.delete_production_key
      error_message = "Production keeps its own key: customer_managed_key = false needs keep_unused_key = true, or delete_production_key = true once nothing needs the key."
    }

    precondition {
      condition     = (var.oidc_issuer == null) == (var.oidc_audience == null)
      error_message = "oidc_issuer and oidc_audience are set together or not at all: a token of any audience must not be accepted."
    }

    precondition {
      condition     = !var.streaming_front || var.front == "alb"
      error_message = "streaming_front needs front = \"alb\": API Gateway's REST APIs cannot reach Cloud Map."
    }

    precondition {
      condition     = var.domain_name == null || var.hosted_zone_id != null || var.certificate_arn != null
      error_message = "domain_name needs hosted_zone_id, or certificate_arn where DNS is elsewhere."
    }

    precondition {
      condition     = var.domain_name != null || (var.hosted_zone_id == null && var.certificate_arn == null)
      error_message = "hosted_zone_id and certificate_arn are for a domain_name."
    }

    precondition {
      condition     = var.certificate_arn == null || can(regex(":acm:${var.region}:", var.certificate_arn))
      error_message = "certificate_arn is of another region than ${var.region}, where the API is."
    }

    precondition {
      condition     = var.streaming_domain_name == null || (var.streaming_front && var.domain_name != null)
      error_message = "streaming_domain_name needs streaming_front and a domain_name."
    }

    precondition {
      condition     = var.execute_api || (var.domain_name != null && (!var.streaming_front || var.streaming_domain_name != null))
      error_message = "execute_api = false would leave no address: it needs a domain_name, and with streaming_front a streaming_domain_name."
    }

    precondition {
      condition     = !var.nat_gateway_per_zone || contains([var.egress, var.egress_beside], "nat_gateway")
      error_message = "nat_gateway_per_zone needs egress = \"nat_gateway\"."
    }

    precondition {
      condition     = var.autoscaling_max_count == null || coalesce(var.autoscaling_max_count, 0) > var.desired_count
      error_message = "autoscaling_max_count must be above desired_count, which is autoscaling's minimum."
    }

    precondition {
      condition     = contains(local.fargate_memory[tostring(var.cpu)], var.memory)
      error_message = "Fargate has no task size of ${var.cpu} CPU units with ${var.memory} MiB."
    }
  }
}

locals {
  # MiB that Fargate offers for each CPU size.
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  fargate_memory = {
    "256"  = [512, 1024, 2048]
    "512"  = [for gib in range(1, 5) : gib * 1024]
    "1024" = [for gib in range(2, 9) : gib * 1024]
    "2048" = [for gib in range(4, 17) : gib * 1024]
    "4096" = [for gib in range(8, 31) : gib * 1024]
  }
}

module "networking" {
  source = "./modules/networking"

  name   = local.name
  region = var.region
  existing = !local.vpc_exists ? null : {
    vpc_id             = var.vpc_id
    cidrs              = data.aws_vpc.existing[0].cidr_block_associations[*].cidr_block
    private_subnet_ids = sort(var.private_subnet_ids)
    public_subnet_ids  = sort(var.public_subnet_ids)
  }
  vpc_cidr             = var.vpc_cidr
  public_subnet_cidrs  = local.public_subnet_cidrs
  private_subnet_cidrs = local.private_subnet_cidrs
  egress               = var.egress
  egress_beside        = var.egress_beside
  nat_gateway_per_zone = var.nat_gateway_per_zone
  nat_instance         = var.nat_instance
  nat_instance_beside  = var.nat_instance_beside
  interface_endpoints  = var.interface_endpoints
  permissions_boundary = var.permissions_boundary
  role_path            = var.role_path
  flow_logs            = var.flow_logs
  log_retention_days   = var.log_retention_days
  kms_key_arn          = local.kms_key_arn
  alarm_actions        = local.alarm_actions
}

module "data" {
  source = "./modules/data"

  name                   = local.name
  deletion_protection    = var.deletion_protection
  point_in_time_recovery = var.point_in_time_recovery
  kms_key_arn            = local.kms_key_arn
  alarm_actions          = local.alarm_actions
}

module "secrets" {
  source = "./modules/secrets"

  project     = var.project
  environment = var.environment
  region      = var.region
  account_id  = local.account_id
  partition   = local.partition
  admin_api   = var.admin_api
  role_path   = var.role_path
}

module "ecr" {
  source = "./modules/ecr"

  name         = local.name
  force_delete = var.ecr_force_delete
  kms_key_arn  = local.repository_key_arn
}

module "compute" {
  source = "./modules/compute"

  name       = local.name
  region     = var.region
  account_id = local.account_id
  partition  = local.partition

  vpc_id             = module.networking.vpc_id
  vpc_is_shared      = local.vpc_exists
  private_subnet_ids = module.networking.private_subnet_ids
  task_subnet_ids    = module.networking.task_subnet_ids
  assign_public_ip   = module.networking.assign_public_ip
  egress_ports       = var.egress_ports
  front              = var.front
  front_beside       = var.front_beside
  wait_for_tasks     = var.front_beside != null || terraform_data.tasks_moved.input
  streaming_front    = var.streaming_front

  cpu                       = var.cpu
  memory                    = var.memory
  cpu_architecture          = var.cpu_architecture
  fargate_spot              = var.fargate_spot
  desired_count             = var.desired_count
  active_hours              = var.active_hours
  autoscaling_max_count     = var.autoscaling_max_count
  autoscaling_cpu_percent   = var.autoscaling_cpu_percent
  autoscaling_requests      = var.autoscaling_requests_per_task
  container_insights        = var.container_insights
  execute_command           = var.execute_command
  load_balancer_protection  = var.deletion_protection
  log_retention_days        = var.log_retention_days
  kms_key_arn               = local.kms_key_arn
  alarm_actions             = local.alarm_actions
  alarm_latency_p95_seconds = var.alarm_latency_p95_seconds
  repository_url            = module.ecr.repository_url
  repository_arn            = module.ecr.repository_arn
  conversations_table       = module.data.conversations_table
  tenants_table             = module.data.tenants_table
  secrets_prefix            = module.secrets.prefix
  secrets_policy_arn        = module.secrets.policy_arn
  bedrock_model_id          = local.bedrock_model_id
  bedrock_models            = local.bedrock_models
  bedrock_profile_regions   = { for prefix, geography in local.model_geographies : prefix => geography.regions }
  bedrock_guardrails        = var.bedrock_guardrails
  admin_api                 = var.admin_api
  production                = local.is_production
  anonymous_tenant          = var.anonymous_tenant
  private_ranges            = var.private_ranges
  budget_webhook            = var.budget_webhook
  public_url                = try(coalesce(var.public_url, var.domain_name == null ? null : "https://${var.domain_name}"), null)
  oidc_issuer               = var.oidc_issuer
  oidc_audience             = var.oidc_audience
  log_filter                = var.log_filter
  metrics_address           = var.metrics_address
  otel_environment          = var.otel_environment
  permissions_boundary      = var.permissions_boundary
  role_path                 = var.role_path
}

module "api" {
  source = "./modules/api"

  name                      = local.name
  vpc_link_id               = module.compute.vpc_link_id
  integration_uri           = module.compute.integration_uri
  cors_allow_origins        = var.cors_allow_origins
  throttling_rate_limit     = var.throttling_rate_limit
  throttling_burst_limit    = var.throttling_burst_limit
  access_log_retention_days = var.access_log_retention_days
  kms_key_arn               = local.kms_key_arn
  alarm_actions             = local.alarm_actions
  alarm_latency_p95_seconds = var.alarm_latency_p95_seconds
  streaming_front           = var.streaming_front && var.front == "alb" # or it is refused, above
  streaming_stage           = module.compute.streaming_stage
  load_balancer_arn         = module.compute.load_balancer_arn
  load_balancer_dns_name    = module.compute.load_balancer_dns_name
  domain_name               = var.domain_name
  streaming_domain_name     = var.streaming_domain_name
  hosted_zone_id            = var.hosted_zone_id
  certificate_arn           = var.certificate_arn
  execute_api               = var.execute_api
}

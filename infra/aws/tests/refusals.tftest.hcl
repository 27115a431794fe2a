# What a plan refuses, and why: `terraform test` (Terraform 1.7 on) in this folder tries all of it, without an account. The
# comment of each run is what Terraform says.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["a", "b", "c", "d"], zone_ids = ["use1-az1", "use1-az2", "aps1-az1", "aps1-az2"] }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  environment  = "dev"
  alarm_emails = ["operator@example.com"]
}

# ------------------------------------------------------------------ identity

# and not local, which needs no infrastructure
run "local_has_no_infrastructure" {
  command = plan
  variables {
    environment = "local"
  }
  expect_failures = [var.environment]
}

# ---------------------------------------------------------------- production

# anonymous_tenant lets anyone in
run "production_has_no_anonymous_tenant" {
  command = plan
  variables {
    environment          = "prod"
    customer_managed_key = true
    anonymous_tenant     = "default"
  }
  expect_failures = [terraform_data.consistent_variables]
}

# anonymous_tenant lets anyone in
run "production_by_another_name_has_none_either" {
  command = plan
  variables {
    environment           = "live"
    production            = true
    anonymous_tenant      = "default"
    delete_production_key = true
  }
  expect_failures = [terraform_data.consistent_variables]
}

# fargate_spot lets AWS stop every task
run "production_does_not_run_on_spot" {
  command = plan
  variables {
    environment          = "prod"
    customer_managed_key = true
    fargate_spot         = true
  }
  expect_failures = [terraform_data.consistent_variables]
}

# Production keeps its own key
run "production_keeps_its_key" {
  command = plan
  variables {
    environment          = "prod"
    customer_managed_key = false
  }
  expect_failures = [terraform_data.consistent_variables]
}

# ------------------------------------------------------------------- network

# egress is nat_gateway, nat_instance, public, or existing
run "egress_is_one_of_three" {
  command = plan
  variables {
    egress = "none"
  }
  expect_failures = [var.egress]
}

# nat_gateway_per_zone needs egress
run "a_gateway_per_zone_needs_gateways" {
  command = plan
  variables {
    egress               = "public"
    nat_gateway_per_zone = true
  }
  expect_failures = [terraform_data.consistent_variables]
}

# 10.0.1.0/24 are not in vpc_cidr
run "subnets_are_in_the_network" {
  command = plan
  variables {
    vpc_cidr            = "10.20.0.0/16"
    public_subnet_cidrs = ["10.0.1.0/24", "10.20.2.0/24"]
  }
  expect_failures = [terraform_data.consistent_addresses]
}

# Subnets overlap: 10.0.10.0/23 and 10.0.10.0/24; 10.0.10.0/23 and 10.0.11.0/24
run "subnets_do_not_overlap" {
  command = plan
  variables {
    public_subnet_cidrs = ["10.0.10.0/23", "10.0.2.0/24"]
  }
  expect_failures = [terraform_data.consistent_addresses]
}

# ------------------------------------------------------------------- service

# Fargate has no task size of 256 CPU units with 4096 MiB
run "fargate_has_the_tasks_size" {
  command = plan
  variables {
    memory = 4096
  }
  expect_failures = [terraform_data.consistent_variables]
}

# autoscaling_max_count must be above desired_count
run "autoscaling_has_room" {
  command = plan
  variables {
    desired_count         = 3
    autoscaling_max_count = 3
  }
  expect_failures = [terraform_data.consistent_variables]
}

# streaming_front needs front = "alb"
run "streams_need_the_load_balancer" {
  command = plan
  variables {
    front           = "cloud_map"
    streaming_front = true
  }
  expect_failures = [terraform_data.consistent_variables]
}

# -------------------------------------------------------- what the router is told

# oidc_issuer and oidc_audience are set together
run "tokens_have_an_audience" {
  command = plan
  variables {
    oidc_issuer = "https://issuer.example.com"
  }
  expect_failures = [terraform_data.consistent_variables]
}

# none of the _HEADERS ones, which carry credentials
run "credentials_are_not_in_the_task_definition" {
  command = plan
  variables {
    otel_environment = { OTEL_EXPORTER_OTLP_HEADERS = "authorization=x" }
  }
  expect_failures = [var.otel_environment]
}

# private_ranges are address ranges
run "a_range_is_not_an_address" {
  command = plan
  variables {
    private_ranges = ["10.20.0.0"]
  }
  expect_failures = [var.private_ranges]
}

# budget_webhook is an https URL
run "the_webhook_is_encrypted" {
  command = plan
  variables {
    budget_webhook = "http://hooks.example.com/budgets"
  }
  expect_failures = [var.budget_webhook]
}

# -------------------------------------------------------------------- models

# us.anthropic.claude-sonnet-4-5-20250929-v1:0 cannot be called in eu-west-1, where inference profiles begin with eu., global.
run "a_profile_belongs_to_its_geography" {
  command = plan
  variables {
    region           = "eu-west-1"
    bedrock_model_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
  }
  expect_failures = [terraform_data.callable_models]
}

# us.anthropic.* cannot be called in us-gov-west-1, where inference profiles begin with us-gov.
run "govcloud_has_profiles_of_its_own" {
  command = plan
  variables {
    region                 = "us-gov-west-1"
    bedrock_allowed_models = ["us.anthropic.*", "us-gov.anthropic.*"]
  }
  expect_failures = [terraform_data.callable_models]
}

# is of aws in us-west-2, not of aws in us-east-1
run "an_arn_is_of_the_region" {
  command = plan
  variables {
    bedrock_model_id = "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2c3d4e5f6"
  }
  expect_failures = [terraform_data.callable_models]
}

# a custom model is called through its provisioned-model or custom-model-deployment
run "a_custom_model_is_called_through_its_deployment" {
  command = plan
  variables {
    bedrock_model_id = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/a1b2c3d4e5f6"
  }
  expect_failures = [terraform_data.callable_models]
}

# --------------------------------------------------------------- tags and logs

# this folder's own: Project, Environment, ManagedBy, Name
run "tags_leave_this_folders_own_alone" {
  command = plan
  variables {
    tags = { project = "other" }
  }
  expect_failures = [var.tags]
}

# no two keys differ in case alone
run "tags_differ_in_more_than_case" {
  command = plan
  variables {
    tags = { Owner = "a", owner = "b" }
  }
  expect_failures = [var.tags]
}

# log_retention_days is one of CloudWatch's periods
run "logs_are_kept_for_a_period_of_cloudwatchs" {
  command = plan
  variables {
    log_retention_days = 1000
  }
  expect_failures = [var.log_retention_days]
}

# ------------------------------------------------- names, hours, who may come in

# one that begins with a wildcard lets everybody in
run "a_subject_says_whose_it_is" {
  command = plan
  variables {
    access = { subjects = { deploy = ["repo:*:environment:prod"] } }
  }
  expect_failures = [var.access]
}

# to a later one of the same day
run "active_hours_go_forward" {
  command = plan
  variables {
    active_hours = { from = "22:00", to = "06:00", days = ["MON"], time_zone = "UTC" }
  }
  expect_failures = [var.active_hours]
}

# active_hours leave nobody to answer outside them
run "production_never_sleeps" {
  command = plan
  variables {
    environment          = "prod"
    customer_managed_key = true
    active_hours         = { from = "08:00", to = "18:00", days = ["MON"], time_zone = "UTC" }
  }
  expect_failures = [terraform_data.consistent_variables]
}

# domain_name needs hosted_zone_id, or certificate_arn
run "a_name_needs_a_certificate" {
  command = plan
  variables {
    domain_name = "chat.example.com"
  }
  expect_failures = [terraform_data.consistent_variables]
}

# execute_api = false would leave no address
run "an_api_has_an_address" {
  command = plan
  variables {
    execute_api = false
  }
  expect_failures = [terraform_data.consistent_variables]
}

# public_url is an https URL without a path
run "the_public_address_has_no_path" {
  command = plan
  variables {
    public_url = "https://t3nets.example.com/chat"
  }
  expect_failures = [var.public_url]
}

# role_path begins and ends with a slash
run "a_path_begins_and_ends_with_a_slash" {
  command = plan
  variables {
    role_path = "t3nets"
  }
  expect_failures = [var.role_path]
}

# ------------------------------------------------------------------- backups

# backup.daily_days and backup.monthly_days are whole numbers of days
run "backups_are_kept_for_days" {
  command = plan
  variables {
    backup = { daily_days = 0.5 }
  }
  expect_failures = [var.backup]
}

# backup.daily_days and backup.monthly_days are whole numbers of days, 0 for none
run "backups_are_not_kept_for_less_than_none" {
  command = plan
  variables {
    backup = { monthly_days = -1 }
  }
  expect_failures = [var.backup]
}

# backup.copy_to is the ARN of an AWS Backup vault
run "a_vault_has_an_arn" {
  command = plan
  variables {
    backup = { copy_to = "vault-of-another-account" }
  }
  expect_failures = [var.backup]
}

# backup.force_destroy would delete the backups of an environment that has deletion_protection
run "protected_backups_are_not_deleted_with_their_vault" {
  command = plan
  variables {
    backup              = { force_destroy = true }
    deletion_protection = true
  }
  expect_failures = [aws_backup_vault.tables[0]]
}

# Every switch that can be on together, and every optional variable set.
environment            = "dev"
nat_gateway_per_zone   = true
streaming_front        = true
deletion_protection    = true
point_in_time_recovery = true
customer_managed_key   = true
ecr_force_delete       = true
flow_logs              = true
execute_command        = true
fargate_spot           = true
cpu_architecture       = "ARM64"
cpu                    = 1024
memory                 = 2048
desired_count          = 2
autoscaling_max_count  = 4
container_insights     = "enhanced"
bedrock_guardrails     = ["gr1a2b3c4d5e", "arn:aws:bedrock:us-east-1:111122223333:guardrail-profile/us.guardrail.v1:0"]
anonymous_tenant       = "default"
private_ranges         = ["10.20.0.0/16", "10.21.0.0/24"]
budget_webhook         = "https://hooks.example.com/budgets"
public_url             = "https://t3nets.example.com"
oidc_issuer            = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example"
oidc_audience          = "t3nets"
metrics_address        = "127.0.0.1:9090"
otel_environment       = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "https://xray.us-east-1.amazonaws.com/v1/traces" }
access                 = { subjects = { deploy = ["repo:acme/t3nets:environment:dev"], operate = ["repo:acme/t3nets:ref:refs/heads/main"], read = ["repo:acme/*:pull_request"], plan = ["repo:acme/t3nets:pull_request"] } }
permissions_boundary   = "arn:aws:iam::123456789012:policy/boundary"
role_path              = "/teams/t3nets/"
log_filter             = "info,router=debug"
alarm_emails           = ["operator@example.com"]
alarm_targets          = ["arn:aws:sns:us-east-1:111122223333:pager", "arn:aws:lambda:us-east-1:111122223333:function:chat"]
tags                   = { CostCenter = "42", Owner = "team@example.com" }
log_retention_days     = 3653
monthly_budget_usd     = 10
budget_by_tag          = true
cors_allow_origins     = ["https://chat.example.com"]
domain_name            = "chat.example.com"
streaming_domain_name  = "stream.example.com"
certificate_arn        = "arn:aws:acm:us-east-1:111122223333:certificate/9d0cbd6c-0000-4000-8000-000000000000"
execute_api            = false
active_hours           = { from = "06:15", to = "20:00", days = ["MON", "WED"], time_zone = "America/Sao_Paulo" }
backup                 = { daily_days = 7, monthly_days = 365, copy_to = "arn:aws:backup:eu-west-1:111122223333:backup-vault:t3nets" }

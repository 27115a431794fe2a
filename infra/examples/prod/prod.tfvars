# Two tasks in two zones that share nothing which can fail alone, data that is hard to lose, alarms that somebody hears.
environment = "prod"
production  = true

cpu                   = 512
memory                = 1024
desired_count         = 2
autoscaling_max_count = 6

nat_gateway_per_zone = true

deletion_protection    = true
point_in_time_recovery = true
customer_managed_key   = true

container_insights     = "enabled"
flow_logs              = true
log_retention_days     = 365
throttling_rate_limit  = 200
throttling_burst_limit = 400

# A chat's or a pager's topic besides, or instead: alarm_targets.
alarm_emails       = ["oncall@example.com"]
monthly_budget_usd = 500

# One model alone, through the region's profile; tenants choose none.
bedrock_allowed_models = []

oidc_issuer   = "https://login.example.com"
oidc_audience = "t3nets"

tags = { Owner = "platform@example.com", CostCenter = "4711" }

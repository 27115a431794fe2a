# Two tasks in two zones that share nothing which can fail alone, and data that is hard to lose.
environment = "prod"
production  = true
region      = "us-east-1"

cpu                   = 512
memory                = 1024
desired_count         = 2
autoscaling_max_count = 6

egress               = "nat_gateway"
nat_gateway_per_zone = true
cpu_architecture     = "X86_64"
front                = "alb"

bedrock_model_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

deletion_protection    = true
point_in_time_recovery = true
customer_managed_key   = true
ecr_force_delete       = false

container_insights     = "enabled"
flow_logs              = true
log_retention_days     = 90
throttling_rate_limit  = 200
throttling_burst_limit = 400
monthly_budget_usd     = 500

# Whom alarms tell. Nobody, until it is you; see ../../README.md, "Who is told".
# alarm_emails  = ["operator@example.com"]
# alarm_targets = ["arn:aws:sns:us-east-1:ACCOUNT:pager"]

# The reference's values: small, cheap to throw away, open to its curl examples.
environment = "dev"
region      = "us-east-1"

cpu           = 256
memory        = 512
desired_count = 1

egress           = "nat_gateway"
cpu_architecture = "X86_64"
front            = "alb"
# About $55 a month less together, at the price of an instance to look after and of interruptions (../../README.md, Cost):
# egress       = "nat_instance"
# front        = "cloud_map"
# fargate_spot = true
# active_hours = { from = "08:00", to = "18:00", days = ["MON", "TUE", "WED", "THU", "FRI"], time_zone = "UTC" }

bedrock_model_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
anonymous_tenant = "default"

container_insights = "disabled"
ecr_force_delete   = true
monthly_budget_usd = 100

# In the account for development.
environment = "dev"
vpc_cidr    = "10.10.0.0/16"

anonymous_tenant   = "default"
ecr_force_delete   = true
monthly_budget_usd = 100

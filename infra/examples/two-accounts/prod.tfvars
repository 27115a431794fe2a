# In production's own account; another network, should the two ever be connected.
environment = "prod"
production  = true
vpc_cidr    = "10.20.0.0/16"

desired_count          = 2
autoscaling_max_count  = 4
nat_gateway_per_zone   = true
deletion_protection    = true
point_in_time_recovery = true
customer_managed_key   = true
alarm_emails           = ["oncall@example.com"]

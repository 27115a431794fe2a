# Everything that saves money at once. What is given up: tasks have public addresses (nothing gets in), nobody counts healthy
# tasks, and AWS may stop the one there is.
environment      = "dev"
egress           = "public"
front            = "cloud_map"
cpu_architecture = "ARM64"
fargate_spot     = true

# No task at night and on weekends: in your own time zone.
active_hours = { from = "08:00", to = "18:00", days = ["MON", "TUE", "WED", "THU", "FRI"], time_zone = "Europe/Berlin" }

anonymous_tenant = "default"
ecr_force_delete = true

# And the task role reads only what chats need.
admin_api = false

# Logs that nobody looks at after a week.
log_retention_days        = 7
access_log_retention_days = 7

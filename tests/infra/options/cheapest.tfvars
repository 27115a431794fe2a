# Everything that saves money at once.
environment      = "dev"
egress           = "public"
front            = "cloud_map"
cpu_architecture = "ARM64"
fargate_spot     = true
# And the task role reads only what chats need.
admin_api = false
# And there are tasks in working hours alone.
active_hours = { from = "08:00", to = "18:30", days = ["MON", "TUE", "WED", "THU", "FRI"], time_zone = "Europe/Berlin" }

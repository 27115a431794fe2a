# Everything that saves money at once.
environment      = "dev"
egress           = "public"
front            = "cloud_map"
cpu_architecture = "ARM64"
fargate_spot     = true
# And the task role reads only what chats need.
admin_api = false

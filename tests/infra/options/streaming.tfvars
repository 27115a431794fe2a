# The second, streaming front; asleep at night; backups of before are kept, and no new ones made.
environment     = "dev"
streaming_front = true
# With names of their own, and the certificate made.
domain_name           = "chat.example.com"
streaming_domain_name = "stream.example.com"
hosted_zone_id        = "Z0123456789ABCDEFGHIJ"
active_hours          = { from = "07:00", to = "22:00", days = ["SUN", "MON"], time_zone = "UTC" }
backup                = { daily_days = 0, monthly_days = 0 }

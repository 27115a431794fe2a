# The second, streaming front; asleep at night.
environment     = "dev"
streaming_front = true
# With names of their own, and the certificate made.
domain_name           = "chat.example.com"
streaming_domain_name = "stream.example.com"
hosted_zone_id        = "Z0123456789ABCDEFGHIJ"
active_hours          = { from = "07:00", to = "22:00", days = ["SUN", "MON"], time_zone = "UTC" }

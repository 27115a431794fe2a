# The second, streaming front; asleep at night.
environment     = "dev"
streaming_front = true
active_hours    = { from = "07:00", to = "22:00", days = ["SUN", "MON"], time_zone = "UTC" }

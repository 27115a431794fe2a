# refused: to a later one of the same day
environment  = "dev"
active_hours = { from = "22:00", to = "06:00", days = ["MON"], time_zone = "UTC" }

# refused: active_hours leave nobody to answer outside them
environment  = "prod"
active_hours = { from = "08:00", to = "18:00", days = ["MON"], time_zone = "UTC" }

# refused: domain_name needs hosted_zone_id, or certificate_arn
environment = "dev"
domain_name = "chat.example.com"

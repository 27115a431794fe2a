# refused: anonymous_tenant lets anyone in
environment           = "live"
production            = true
anonymous_tenant      = "default"
delete_production_key = true

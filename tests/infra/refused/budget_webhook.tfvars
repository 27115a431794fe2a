# refused: budget_webhook is an https URL
environment    = "dev"
budget_webhook = "http://hooks.example.com/budgets"

# refused: execute_api = false would leave no address
environment = "dev"
execute_api = false

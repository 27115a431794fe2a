# refused: Production keeps its own key
environment      = "prod"
region           = "us-east-1"
bedrock_model_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

customer_managed_key = false

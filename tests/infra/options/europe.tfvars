# Another region, with every kind of model that the router can be told to call.
environment            = "dev"
region                 = "eu-central-1"
bedrock_model_id       = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
bedrock_allowed_models = ["eu.anthropic.*", "global.anthropic.*", "amazon.nova-lite-v1:0", "arn:aws:bedrock:eu-central-1::foundation-model/amazon.titan-text-express-v1", "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.meta.llama3-2-3b-instruct-v1:0", "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3d4e5f6", "arn:aws:bedrock:eu-central-1:123456789012:default-prompt-router/anthropic.claude:1", "arn:aws:bedrock:eu-central-1:123456789012:prompt-router/f6e5d4c3b2a1", "arn:aws:bedrock:eu-central-1:123456789012:provisioned-model/p1q2r3s4t5u6", "arn:aws:bedrock:eu-central-1:123456789012:custom-model-deployment/c1d2e3f4a5b6", "arn:aws:bedrock:eu-central-1:123456789012:imported-model/i1m2p3o4r5t6"]

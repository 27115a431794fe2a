# A VPC that is there already, with its own subnets and ways out; one endpoint of the environment's own in it.
environment         = "dev"
vpc_id              = "vpc-0e1a2b3c4d5e6f708"
private_subnet_ids  = ["subnet-0a1", "subnet-0a2"]
egress              = "existing"
interface_endpoints = ["bedrock-runtime"]
flow_logs           = true

# refused: Subnets overlap: 10.0.10.0/23 and 10.0.10.0/24; 10.0.10.0/23 and 10.0.11.0/24
environment         = "dev"
public_subnet_cidrs = ["10.0.10.0/23", "10.0.2.0/24"]

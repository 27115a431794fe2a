# refused: 10.0.1.0/24 are not in vpc_cidr
environment         = "dev"
vpc_cidr            = "10.20.0.0/16"
public_subnet_cidrs = ["10.0.1.0/24", "10.20.2.0/24"]

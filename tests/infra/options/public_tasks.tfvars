# No NAT: tasks in the public subnets, still behind the internal load balancer. And a smaller network.
environment = "dev"
egress      = "public"
vpc_cidr    = "10.20.16.0/21"

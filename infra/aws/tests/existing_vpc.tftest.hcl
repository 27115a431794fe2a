# What a plan refuses of an existing VPC: see refusals.tftest.hcl.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["a", "b", "c", "d"], zone_ids = ["use1-az1", "use1-az2", "aps1-az1", "aps1-az2"] }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_vpc" {
    defaults = {
      main_route_table_id     = "rtb-0"
      enable_dns_support      = true
      enable_dns_hostnames    = true
      cidr_block_associations = [{ association_id = "a", cidr_block = "10.60.0.0/16", state = "associated" }]
    }
  }
  mock_data "aws_route_tables" {
    defaults = { ids = [] }
  }
  mock_data "aws_route_table" {
    defaults = { routes = [{ cidr_block = "0.0.0.0/0", nat_gateway_id = "nat-0" }] }
  }
}

variables {
  environment        = "dev"
  alarm_emails       = ["operator@example.com"]
  egress             = "existing"
  vpc_id             = "vpc-0e1"
  private_subnet_ids = ["subnet-0a1", "subnet-0a2"]
  public_subnet_ids  = []
}

override_data {
  target = data.aws_subnet.existing["subnet-0a1"]
  values = { id = "subnet-0a1", vpc_id = "vpc-0e1", cidr_block = "10.60.1.0/24", availability_zone_id = "use1-az1" }
}

override_data {
  target = data.aws_subnet.existing["subnet-0a2"]
  values = { id = "subnet-0a2", vpc_id = "vpc-0e1", cidr_block = "10.60.2.0/24", availability_zone_id = "use1-az2" }
}


run "an_existing_vpc_can_be_used" {
  command = plan
  assert {
    condition     = module.networking.vpc_id == "vpc-0e1" && module.networking.task_subnet_ids == tolist(["subnet-0a1", "subnet-0a2"])
    error_message = "Tasks are not in the VPC that is given."
  }
}

# they need vpc_id
run "its_subnets_need_it" {
  command = plan
  variables {
    vpc_id = null
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# with vpc_id, egress is existing, or public
run "nothing_is_added_to_its_way_out" {
  command = plan
  variables {
    egress = "nat_gateway"
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# No subnets are made in an existing VPC
run "it_gets_no_subnets" {
  command = plan
  variables {
    private_subnet_cidrs = ["10.0.10.0/24", "10.0.11.0/24"]
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# needs public_subnet_ids for the tasks
run "public_tasks_need_public_subnets" {
  command = plan
  variables {
    egress = "public"
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# subnet-0a2 are subnets of another VPC than vpc-0e1
run "its_subnets_are_its_own" {
  command = plan
  override_data {
    target = data.aws_subnet.existing["subnet-0a2"]
    values = {
      id                   = "subnet-0a2"
      vpc_id               = "vpc-0e2"
      cidr_block           = "10.60.2.0/24"
      availability_zone_id = "use1-az2"
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# private_subnet_ids are in use1-az1, use1-az1.
run "a_zone_has_one_of_its_subnets" {
  command = plan
  override_data {
    target = data.aws_subnet.existing["subnet-0a2"]
    values = {
      id                   = "subnet-0a2"
      vpc_id               = "vpc-0e1"
      cidr_block           = "10.60.2.0/24"
      availability_zone_id = "use1-az1"
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# subnet-0a2 are too small: a load balancer needs a /27
run "its_subnets_are_large_enough" {
  command = plan
  override_data {
    target = data.aws_subnet.existing["subnet-0a2"]
    values = {
      id                   = "subnet-0a2"
      vpc_id               = "vpc-0e1"
      cidr_block           = "10.60.2.0/28"
      availability_zone_id = "use1-az2"
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# no VPC links in the zones of subnet-0a2 (use1-az3). In us-east-1 it has them in use1-az1, use1-az2,
run "its_zones_have_vpc_links" {
  command = plan
  override_data {
    target = data.aws_subnet.existing["subnet-0a2"]
    values = {
      id                   = "subnet-0a2"
      vpc_id               = "vpc-0e1"
      cidr_block           = "10.60.2.0/24"
      availability_zone_id = "use1-az3"
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# no VPC links in the zones of subnet-0a2 (euc1-ham1-az1)
run "a_local_zone_has_no_vpc_links" {
  command = plan
  variables {
    region = "eu-central-1"
  }
  override_data {
    target = data.aws_subnet.existing["subnet-0a2"]
    values = {
      id                   = "subnet-0a2"
      vpc_id               = "vpc-0e1"
      cidr_block           = "10.60.2.0/24"
      availability_zone_id = "euc1-ham1-az1"
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# has its DNS support switched off
run "it_resolves_names" {
  command = plan
  override_data {
    target = data.aws_vpc.existing[0]
    values = {
      main_route_table_id     = "rtb-0"
      cidr_block_associations = []
      enable_dns_support      = false
      enable_dns_hostnames    = true
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# has its DNS hostnames switched off
run "cloud_map_needs_its_hostnames" {
  command = plan
  variables {
    front = "cloud_map"
  }
  override_data {
    target = data.aws_vpc.existing[0]
    values = {
      main_route_table_id     = "rtb-0"
      cidr_block_associations = []
      enable_dns_support      = true
      enable_dns_hostnames    = false
    }
  }
  expect_failures = [terraform_data.consistent_vpc]
}

# subnet-0a2 have no default route to a NAT or another gateway
run "tasks_without_a_way_out_are_told_of" {
  command = plan
  override_data {
    target = data.aws_route_table.existing["subnet-0a2"]
    values = { routes = [] }
  }
  expect_failures = [check.tasks_have_a_way_out]
}

# subnet-0a1, subnet-0a2 have no default route to an internet gateway
run "public_tasks_need_an_internet_gateway" {
  command = plan
  variables {
    egress            = "public"
    public_subnet_ids = ["subnet-0a1", "subnet-0a2"]
  }
  expect_failures = [check.tasks_have_a_way_out]
}

# A VPC that is there already, with its subnets, routes and ways out: all of it stays its owner's. What is made in it are
# security groups, the VPC link, the load balancer or Cloud Map's zone, the tasks, and what interface_endpoints and flow_logs
# ask for.

variable "vpc_id" {
  description = "An existing VPC to stand in, instead of one that is made; with private_subnet_ids, and egress = existing or public."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id is a VPC's id, such as vpc-0a1b2c3d4e5f60718, or null."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the existing VPC, each in another zone, for the load balancer, the VPC link, and tasks unless egress is public."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "private_subnet_ids are ids of subnets, such as subnet-0a1b2c3d4e5f60718."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of the existing VPC that an internet gateway serves, for the tasks with egress = public."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.public_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "public_subnet_ids are ids of subnets, such as subnet-0a1b2c3d4e5f60718."
  }
}

locals {
  vpc_exists = var.vpc_id != null
  # The ways out that need no gateway, instance or route of this folder's.
  egress_of_existing = ["existing", "public"]

  existing_subnet_ids = setunion(var.private_subnet_ids, var.public_subnet_ids)
  existing_subnets    = data.aws_subnet.existing
  existing_private    = [for id, subnet in local.existing_subnets : subnet if contains(var.private_subnet_ids, id)]

  existing_elsewhere = [for id, subnet in local.existing_subnets : id if subnet.vpc_id != var.vpc_id]
  existing_small     = [for subnet in local.existing_private : subnet.id if tonumber(split("/", subnet.cidr_block)[1]) > local.smallest_subnet]
  existing_zones     = [for subnet in local.existing_private : subnet.availability_zone_id]
  # A Local Zone's id has another part: use1-bos1-az1.
  existing_without_links = [
    for subnet in local.existing_private : "${subnet.id} (${subnet.availability_zone_id})"
    if !(
      module.networking.zones_with_vpc_links == null
      ? can(regex("^[a-z0-9]+-az[0-9]+$", subnet.availability_zone_id))
      : contains(coalesce(module.networking.zones_with_vpc_links, []), subnet.availability_zone_id)
    )
  ]

  # A subnet that nobody associated with a route table has the VPC's main one.
  existing_route_tables = {
    for id, tables in data.aws_route_tables.of_subnet : id => try(tables.ids[0], one(data.aws_vpc.existing[*].main_route_table_id))
  }
  # Where a subnet's packets to the internet go: the gateway, instance or interface of its default route.
  existing_ways_out = {
    for id, table in data.aws_route_table.existing : id => compact(flatten([
      for route in table.routes : [for name, target in route : target if name != "cidr_block"] if route.cidr_block == "0.0.0.0/0"
    ]))
  }
  task_subnet_ids = var.egress == "public" ? var.public_subnet_ids : var.private_subnet_ids
  # An internet gateway serves public addresses alone; all else serves those that have none.
  existing_cut_off = [
    for id, ways in local.existing_ways_out : id
    if contains(local.task_subnet_ids, id) && !anytrue([for way in ways : startswith(way, "igw-") == (var.egress == "public")])
  ]
}

data "aws_vpc" "existing" {
  count = local.vpc_exists ? 1 : 0

  id = var.vpc_id
}

data "aws_subnet" "existing" {
  for_each = local.vpc_exists ? local.existing_subnet_ids : []

  id = each.key
}

data "aws_route_tables" "of_subnet" {
  for_each = local.vpc_exists ? local.existing_subnet_ids : []

  vpc_id = var.vpc_id

  filter {
    name   = "association.subnet-id"
    values = [each.key]
  }
}

data "aws_route_table" "existing" {
  for_each = local.existing_route_tables

  route_table_id = each.value
}

resource "terraform_data" "consistent_vpc" {
  lifecycle {
    precondition {
      condition     = local.vpc_exists || (length(local.existing_subnet_ids) == 0 && !contains([var.egress, coalesce(var.egress_beside, "public")], "existing"))
      error_message = "private_subnet_ids, public_subnet_ids and egress = \"existing\" are of an existing VPC: they need vpc_id."
    }

    precondition {
      condition     = !local.vpc_exists || length(setsubtract(compact([var.egress, var.egress_beside]), local.egress_of_existing)) == 0
      error_message = "An existing VPC has a way out of its own, to which nothing is added: with vpc_id, egress is existing, or public."
    }

    precondition {
      condition     = !local.vpc_exists || (var.public_subnet_cidrs == null && var.private_subnet_cidrs == null)
      error_message = "No subnets are made in an existing VPC: with vpc_id there are private_subnet_ids and public_subnet_ids, not their cidrs."
    }

    precondition {
      condition     = !local.vpc_exists || !contains([var.egress, var.egress_beside], "public") || length(var.public_subnet_ids) > 0
      error_message = "egress = \"public\" in an existing VPC needs public_subnet_ids for the tasks."
    }

    precondition {
      condition     = length(local.existing_elsewhere) == 0
      error_message = "${join(", ", local.existing_elsewhere)} are subnets of another VPC than ${coalesce(var.vpc_id, "none")}."
    }

    precondition {
      condition     = !local.vpc_exists || (length(local.existing_zones) >= 2 && length(distinct(local.existing_zones)) == length(local.existing_zones))
      error_message = "A load balancer needs two subnets or more, each in another zone: private_subnet_ids are in ${join(", ", local.existing_zones)}."
    }

    precondition {
      condition     = length(local.existing_small) == 0
      error_message = "${join(", ", local.existing_small)} are too small: a load balancer needs a /${local.smallest_subnet}."
    }

    precondition {
      condition     = length(local.existing_without_links) == 0
      error_message = "API Gateway has no VPC links in the zones of ${join(", ", local.existing_without_links)}. In ${var.region} it has them in ${join(", ", coalesce(module.networking.zones_with_vpc_links, ["any that is not a Local Zone"]))}."
    }

    precondition {
      condition     = alltrue(data.aws_vpc.existing[*].enable_dns_support)
      error_message = "${coalesce(var.vpc_id, "none")} has its DNS support switched off, without which tasks can resolve no name."
    }

    # https://docs.aws.amazon.com/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html
    precondition {
      condition     = alltrue(data.aws_vpc.existing[*].enable_dns_hostnames) || (!contains([var.front, var.front_beside], "cloud_map") && length(var.interface_endpoints) == 0)
      error_message = "${coalesce(var.vpc_id, "none")} has its DNS hostnames switched off, which front = \"cloud_map\" and interface_endpoints need."
    }
  }
}

# A warning, since endpoints of the VPC's own may be all that the tasks need.
check "tasks_have_a_way_out" {
  assert {
    condition     = length(local.existing_cut_off) == 0
    error_message = "${join(", ", local.existing_cut_off)} have no default route to ${var.egress == "public" ? "an internet gateway" : "a NAT or another gateway"}: tasks there reach only what the VPC has endpoints for."
  }
}

# The VPC: two public and two private subnets in two zones, and their routes; or none of that, where an existing VPC is given.
# What lets the private ones out is in egress.tf, the private ways to AWS services in endpoints.tf, the record of traffic in
# flow_logs.tf.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:the two zones are chosen when the subnets are made and then kept (ignore_changes below), whatever the list says later
  state = "available"

  # Local zones have no Fargate.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # The zones in which API Gateway has VPC links; of a region that is not here, any. By id, because us-east-1a is another place
  # in every account.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-vpc-links-v2.html
  zones_with_vpc_links = {
    ap-east-1      = ["ape1-az2", "ape1-az3"]
    ap-northeast-1 = ["apne1-az1", "apne1-az2", "apne1-az4"]
    ap-northeast-2 = ["apne2-az1", "apne2-az2", "apne2-az3"]
    ap-south-1     = ["aps1-az1", "aps1-az2", "aps1-az3"]
    ap-southeast-1 = ["apse1-az1", "apse1-az2", "apse1-az3"]
    ap-southeast-2 = ["apse2-az1", "apse2-az2", "apse2-az3"]
    ca-central-1   = ["cac1-az1", "cac1-az2"]
    eu-west-3      = ["euw3-az1", "euw3-az3"]
    us-east-1      = ["use1-az1", "use1-az2", "use1-az4", "use1-az5", "use1-az6"]
    us-east-2      = ["use2-az1", "use2-az2", "use2-az3"]
    us-west-1      = ["usw1-az1", "usw1-az3"]
    us-west-2      = ["usw2-az1", "usw2-az2", "usw2-az3", "usw2-az4"]
  }

  own = var.existing == null ? 1 : 0

  vpc_id             = var.existing == null ? one(aws_vpc.this[*].id) : var.existing.vpc_id
  private_subnet_ids = var.existing == null ? aws_subnet.private[*].id : var.existing.private_subnet_ids
  public_subnet_ids  = var.existing == null ? aws_subnet.public[*].id : var.existing.public_subnet_ids

  zone_ids = data.aws_availability_zones.available.zone_ids
  zones = [
    for index, name in data.aws_availability_zones.available.names : name
    if contains(lookup(local.zones_with_vpc_links, var.region, local.zone_ids), local.zone_ids[index])
  ]
}

resource "aws_vpc" "this" {
  count = local.own

  #checkov:skip=CKV2_AWS_11:flow logs are on in prod and an option elsewhere (flow_logs.tf): in dev they cost more than they tell
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(local.zones) >= 2
      error_message = "Of this account's zones in ${var.region} (${join(", ", local.zone_ids)}), fewer than two have API Gateway's VPC links."
    }
  }
}

# Taken over to be emptied: whatever is made without naming a security group can neither call nor be called.
resource "aws_default_security_group" "closed" {
  count = local.own

  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_internet_gateway" "this" {
  count = local.own

  vpc_id = local.vpc_id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  count = local.own * 2

  vpc_id                  = local.vpc_id
  cidr_block              = var.public_subnet_cidrs[count.index]
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${count.index + 1}" }

  lifecycle {
    # A zone that is out of order leaves the list for a while: no reason to replace a subnet.
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "private" {
  count = local.own * 2

  vpc_id                  = local.vpc_id
  cidr_block              = var.private_subnet_cidrs[count.index]
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-private-${count.index + 1}" }

  lifecycle {
    # A zone that is out of order leaves the list for a while: no reason to replace a subnet.
    ignore_changes = [availability_zone]
  }
}

resource "aws_route_table" "public" {
  count = local.own

  vpc_id = local.vpc_id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "public_internet" {
  count = local.own

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  count = local.own * 2

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

# One a zone even with a single NAT gateway, so that a second gateway later changes a route and nothing else.
resource "aws_route_table" "private" {
  count = local.own * 2

  vpc_id = local.vpc_id

  tags = { Name = "${var.name}-private-${count.index + 1}" }
}

resource "aws_route_table_association" "private" {
  count = local.own * 2

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

# How the private subnets reach the internet: a managed NAT gateway, a small instance that does the same, or not at all
# (then the tasks run in the public subnets, see outputs.tf). An existing VPC has its own way.

locals {
  # More than one only while one takes the other's place.
  ways_out      = local.own == 1 ? compact([var.egress, var.egress_beside]) : []
  nat_gateways  = contains(local.ways_out, "nat_gateway") ? (var.nat_gateway_per_zone ? 2 : 1) : 0
  nat_instances = contains(local.ways_out, "nat_instance") ? 1 : 0
  nat_slots     = toset(local.nat_instances == 0 ? [] : compact([var.nat_instance, var.nat_instance_beside]))

  # The private subnets' own; where the tasks have moved to the public ones, what those that have not yet ended still use.
  nat = var.egress == "public" ? var.egress_beside : var.egress
}

# One route each whatever the NAT, so that another one is a change in place: at no time is there none.
resource "aws_route" "private" {
  count = contains(["nat_gateway", "nat_instance"], coalesce(local.nat, "none")) ? local.own * 2 : 0

  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = local.nat == "nat_gateway" ? aws_nat_gateway.this[var.nat_gateway_per_zone ? count.index : 0].id : null
  network_interface_id   = local.nat == "nat_instance" ? aws_instance.nat[var.nat_instance].primary_network_interface_id : null
}

moved {
  from = aws_route.private_nat_instance
  to   = aws_route.private_nat_gateway
}

moved {
  from = aws_route.private_nat_gateway
  to   = aws_route.private
}

# -------------------------------------------------------------- NAT gateway

resource "aws_eip" "nat" {
  count = local.nat_gateways

  #checkov:skip=CKV2_AWS_19:it belongs to a NAT gateway, not to an instance
  domain = "vpc"

  tags = { Name = "${var.name}-nat-${count.index + 1}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count = local.nat_gateways

  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id

  tags = { Name = "${var.name}-nat-${count.index + 1}" }

  depends_on = [aws_internet_gateway.this]

  # Deleted after the routes have left it, not before.
  lifecycle {
    create_before_destroy = true
  }
}

# ------------------------------------------------------------- NAT instance

data "aws_ssm_parameter" "amazon_linux" {
  count = local.nat_instances

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_security_group" "nat" {
  count = local.nat_instances

  name        = "${var.name}-nat"
  description = "The NAT instance: from the private subnets to the internet"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-nat" }
}

resource "aws_vpc_security_group_ingress_rule" "nat_from_private" {
  count = local.nat_instances * 2

  security_group_id = aws_security_group.nat[0].id
  description       = "What the private subnets send to the internet"
  cidr_ipv4         = var.private_subnet_cidrs[count.index]
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "nat_to_internet" {
  count = local.nat_instances

  security_group_id = aws_security_group.nat[0].id
  description       = "Passed on: the security group of the tasks decides which ports"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# The address that others see, whichever instance has it.
resource "aws_eip" "nat_instance" {
  count = local.nat_instances

  #checkov:skip=CKV2_AWS_19:aws_eip_association attaches it to the NAT instance's interface
  domain = "vpc"

  tags = { Name = "${var.name}-nat" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_eip_association" "nat_instance" {
  count = local.nat_instances

  allocation_id        = aws_eip.nat_instance[0].id
  network_interface_id = aws_instance.nat[var.nat_instance].primary_network_interface_id
  allow_reassociation  = true

  # The other instance takes it over, so that it is nobody's at no time.
  lifecycle {
    create_before_destroy = true
  }
}

moved {
  from = aws_instance.nat[0]
  to   = aws_instance.nat["a"]
}

# No key pair, no role, no agent: nobody logs in. It updates itself, and another one with a newer image takes its place. EC2
# moves it to another host by itself when its own fails.
resource "aws_instance" "nat" {
  for_each = local.nat_slots

  #checkov:skip=CKV_AWS_88:it is the way out; its security group lets nothing in from the internet
  #checkov:skip=CKV_AWS_126:one-minute metrics cost as much as the instance
  #checkov:skip=CKV2_AWS_41:it calls no AWS service, so it gets no role
  ami                         = data.aws_ssm_parameter.amazon_linux[0].insecure_value
  instance_type               = "t4g.nano"
  subnet_id                   = aws_subnet.public[0].id
  vpc_security_group_ids      = [aws_security_group.nat[0].id]
  associate_public_ip_address = true
  source_dest_check           = false
  ebs_optimized               = true
  user_data                   = templatefile("${path.module}/nat_instance.sh", { vpc_cidr = var.vpc_cidr })

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 8
    encrypted   = true
  }

  tags = { Name = "${var.name}-nat-${each.key}" }

  lifecycle {
    # Neither a newer image nor what it does at its start is a reason to cut the network off in the middle of an unrelated
    # apply. The other of the two instances begins with both (nat_instance).
    ignore_changes = [ami, user_data]

    # As of the NAT gateway.
    create_before_destroy = true
  }

  depends_on = [aws_route.public_internet]
}

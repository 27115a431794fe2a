# Ways to AWS services that do not pass a NAT.

locals {
  # An existing VPC can have several ranges.
  vpc_cidrs = var.existing == null ? [var.vpc_cidr] : var.existing.cidrs
}

# Free, so always there in a VPC of this folder's own: DynamoDB's traffic, and S3's, which holds the layers of every image
# pulled from ECR. They are routes, and those of an existing VPC are its owner's.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(var.existing == null ? ["dynamodb", "s3"] : [])

  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat(aws_route_table.public[*].id, aws_route_table.private[*].id)

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = local.vpc_id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = local.private_subnet_ids
  security_group_ids  = aws_security_group.endpoints[*].id
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "endpoints" {
  count = length(var.interface_endpoints) > 0 ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Interface endpoints: HTTPS from inside the VPC"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_vpc" {
  count = length(aws_security_group.endpoints) * length(local.vpc_cidrs)

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the VPC"
  cidr_ipv4         = local.vpc_cidrs[count.index]
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

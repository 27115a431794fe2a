# internet → API Gateway → VPC link → (load balancer :80 →) router :8080 → 443 outside. Nothing else is open.

resource "aws_security_group" "vpc_link" {
  name        = "${var.name}-vpc-link"
  description = "Interfaces of API Gateway in the VPC"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-vpc-link" }
}

resource "aws_security_group" "router" {
  name        = "${var.name}-router"
  description = "Tasks of the router"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-router" }
}

resource "aws_security_group" "alb" {
  count = local.has_alb ? 1 : 0

  name        = "${var.name}-alb"
  description = "The internal load balancer"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-alb" }
}

# --------------------------------------------------------- with front = alb

resource "aws_vpc_security_group_egress_rule" "vpc_link_to_alb" {
  count = local.has_alb ? 1 : 0

  security_group_id            = aws_security_group.vpc_link.id
  description                  = "To the load balancer"
  referenced_security_group_id = aws_security_group.alb[0].id
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
}

resource "aws_vpc_security_group_ingress_rule" "alb_from_anywhere" {
  count = local.has_alb ? 1 : 0

  #checkov:skip=CKV_AWS_260:the load balancer is internal, it has no public address: anywhere is the VPC
  security_group_id = aws_security_group.alb[0].id
  description       = "HTTP; the load balancer has private addresses only"
  # A VPC of others has others in it, and networks that it is connected to: there it is API Gateway alone.
  cidr_ipv4                    = var.vpc_is_shared ? null : "0.0.0.0/0"
  referenced_security_group_id = var.vpc_is_shared ? aws_security_group.vpc_link.id : null
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
}

resource "aws_vpc_security_group_egress_rule" "alb_to_router" {
  count = local.has_alb ? 1 : 0

  security_group_id            = aws_security_group.alb[0].id
  description                  = "Requests and health checks to the tasks"
  referenced_security_group_id = aws_security_group.router.id
  ip_protocol                  = "tcp"
  from_port                    = local.container_port
  to_port                      = local.container_port
}

resource "aws_vpc_security_group_ingress_rule" "router_from_alb" {
  count = local.has_alb ? 1 : 0

  security_group_id            = aws_security_group.router.id
  description                  = "From the load balancer only"
  referenced_security_group_id = aws_security_group.alb[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.container_port
  to_port                      = local.container_port
}

# --------------------------------------------------- with front = cloud_map

resource "aws_vpc_security_group_egress_rule" "vpc_link_to_router" {
  count = local.has_cloud_map ? 1 : 0

  security_group_id            = aws_security_group.vpc_link.id
  description                  = "To the tasks"
  referenced_security_group_id = aws_security_group.router.id
  ip_protocol                  = "tcp"
  from_port                    = local.container_port
  to_port                      = local.container_port
}

resource "aws_vpc_security_group_ingress_rule" "router_from_vpc_link" {
  count = local.has_cloud_map ? 1 : 0

  security_group_id            = aws_security_group.router.id
  description                  = "From API Gateway only"
  referenced_security_group_id = aws_security_group.vpc_link.id
  ip_protocol                  = "tcp"
  from_port                    = local.container_port
  to_port                      = local.container_port
}

# -------------------------------------------------------------- to outside

resource "aws_vpc_security_group_egress_rule" "router_to_internet" {
  for_each = toset([for port in var.egress_ports : tostring(port)])

  security_group_id = aws_security_group.router.id
  description       = "AWS services, Jira, chat services, model and MCP servers"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
}

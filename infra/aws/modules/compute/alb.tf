# The internal load balancer, with front = alb.

resource "aws_lb" "router" {
  count = local.has_alb ? 1 : 0

  #checkov:skip=CKV_AWS_91:API Gateway logs every request already, and nothing else calls this load balancer
  #checkov:skip=CKV_AWS_150:protected where deletion_protection is on (prod); dev and staging are made to be thrown away
  #checkov:skip=CKV2_AWS_20:internal, and behind API Gateway, which speaks HTTPS to the world
  #checkov:skip=CKV2_AWS_28:internal; a firewall here would see API Gateway's addresses only
  name                       = "${var.name}-alb"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.private_subnet_ids
  security_groups            = aws_security_group.alb[*].id
  idle_timeout               = local.idle_seconds
  drop_invalid_header_fields = true
  enable_deletion_protection = var.load_balancer_protection
}

resource "aws_lb_target_group" "router" {
  count = local.has_alb ? 1 : 0

  #checkov:skip=CKV_AWS_378:plain HTTP inside the VPC, between two security groups that admit nobody else
  name                 = local.service_name
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = local.container_port
  protocol             = "HTTP"
  deregistration_delay = local.drain_seconds

  # A new task gets requests after 20 s, a broken one none after 30.
  health_check {
    path                = local.health_path
    port                = "traffic-port"
    protocol            = "HTTP"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  count = local.has_alb ? 1 : 0

  #checkov:skip=CKV_AWS_2:internal: TLS ends at API Gateway, and the way from there runs inside AWS's network and the VPC
  #checkov:skip=CKV_AWS_103:as above
  load_balancer_arn = aws_lb.router[0].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.router[0].arn
  }

  # Deleted after the tasks have left it, and all it stands on after that: a load balancer that cannot reach the tasks any
  # more calls them unhealthy, and ECS stops them.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_vpc_security_group_egress_rule.vpc_link_to_alb,
    aws_vpc_security_group_ingress_rule.alb_from_anywhere,
    aws_vpc_security_group_egress_rule.alb_to_router,
    aws_vpc_security_group_ingress_rule.router_from_alb,
  ]
}

# A REST API with a private integration may put its stage before the path ("API Gateway includes the stage portion of the
# API endpoint in the request to your backend"); the router knows no such path. Where the stage is absent nothing matches.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
resource "aws_lb_listener_rule" "strip_streaming_stage" {
  count = local.has_alb && var.streaming_front ? 1 : 0

  listener_arn = aws_lb_listener.http[0].arn
  priority     = 10

  condition {
    path_pattern {
      values = ["/${local.streaming_stage}", "/${local.streaming_stage}/*"]
    }
  }

  transform {
    type = "url-rewrite"

    url_rewrite_config {
      rewrite {
        regex   = "^/${local.streaming_stage}/?(.*)$"
        replace = "/$1"
      }
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.router[0].arn
  }
}

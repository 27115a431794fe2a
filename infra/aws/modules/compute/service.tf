resource "aws_ecs_service" "router" {
  name            = local.service_name
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.router.arn
  desired_count   = var.desired_count

  # On an empty account there is no image yet: the first deployment stops itself after three failed starts, the apply
  # ends green all the same, and the first `deploy` brings the service up.
  wait_for_steady_state = var.wait_for_tasks

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  health_check_grace_period_seconds  = local.has_alb ? 30 : null
  enable_execute_command             = var.execute_command
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  # Without it a change of capacity provider would replace the service, and the new one would run the template.
  force_new_deployment = true

  capacity_provider_strategy {
    capacity_provider = var.fargate_spot ? "FARGATE_SPOT" : "FARGATE"
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.task_subnet_ids
    security_groups  = [aws_security_group.router.id]
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = aws_lb_target_group.router

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = local.container_name
      container_port   = local.container_port
    }
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.router

    content {
      registry_arn   = service_registries.value.arn
      container_name = local.container_name
      container_port = local.container_port
    }
  }

  lifecycle {
    # `deploy` and `rollback` own the revision, `scale` and autoscaling the count.
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [
    aws_ecs_cluster_capacity_providers.fargate,
    aws_lb_listener.http,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_iam_role_policy_attachment.task_secrets,
    aws_vpc_security_group_egress_rule.router_to_internet,
  ]
}

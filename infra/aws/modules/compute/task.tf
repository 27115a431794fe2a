# The template of the task definition. Terraform registers its first revision, and a new one whenever something here
# changes; `deploy` registers the ones with an image. The service runs whatever `deploy` told it to (service.tf).

locals {
  environment = merge(
    {
      T3NETS_ENV                   = "aws"
      AWS_REGION                   = var.region
      BEDROCK_MODEL_ID             = var.bedrock_model_id
      DYNAMODB_CONVERSATIONS_TABLE = var.conversations_table.name
      DYNAMODB_TENANTS_TABLE       = var.tenants_table.name
      SECRETS_PREFIX               = var.secrets_prefix
      PORT                         = tostring(local.container_port)
      RUST_LOG                     = var.log_filter
      T3NETS_ADMIN_API             = tostring(var.admin_api)
    },
    { for name, value in {
      T3NETS_PRODUCTION       = var.production ? "true" : null
      T3NETS_ANONYMOUS_TENANT = var.anonymous_tenant
      T3NETS_PRIVATE_RANGES   = length(var.private_ranges) > 0 ? join(",", var.private_ranges) : null
      T3NETS_BUDGET_WEBHOOK   = var.budget_webhook
      T3NETS_PUBLIC_URL       = var.public_url
      T3NETS_OIDC_ISSUER      = var.oidc_issuer
      T3NETS_OIDC_AUDIENCE    = var.oidc_audience
      T3NETS_METRICS_ADDR     = var.metrics_address
    } : name => value if value != null },
    var.otel_environment,
  )
}

resource "aws_ecs_task_definition" "router" {
  family                   = local.service_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory)
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  # A changed template replaces this resource. The old revision may be the one that runs, or the one to roll back to.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([{
    name = local.container_name

    # There is no such image: it stands where `deploy` puts {repository}@sha256:…
    image     = "${var.repository_url}:bootstrap"
    essential = true

    portMappings = [{
      name          = "http"
      containerPort = local.container_port
      hostPort      = local.container_port
      protocol      = "tcp"
    }]

    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]

    # ECS ignores the image's own HEALTHCHECK. No shell and no curl is in the image, so the router checks itself.
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/t3nets-router", "healthcheck", "http://127.0.0.1:${local.container_port}${local.health_path}"]
      interval    = 30
      timeout     = 5
      startPeriod = 10
      retries     = 3
    }

    # From SIGTERM to SIGKILL: longer than any request that is still being answered.
    stopTimeout = local.stop_seconds

    user                   = "65532:65532"
    readonlyRootFilesystem = !var.execute_command
    linuxParameters = {
      capabilities = { add = [], drop = ["ALL"] }
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.router.name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = local.container_name
        # CloudWatch being slow must not make the router slow: lines are dropped instead.
        "mode"            = "non-blocking"
        "max-buffer-size" = "4m"
      }
    }
  }])
}

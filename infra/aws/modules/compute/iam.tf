# Two roles. ECS takes the execution role to start a task (image, log); the router itself has the task role.

data "aws_iam_policy_document" "ecs_tasks_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

# ------------------------------------------------------------ execution role

resource "aws_iam_role" "execution" {
  name               = "${local.service_name}-execution"
  path               = var.role_path
  description        = "Lets ECS pull the router's image and write its log"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks_trust.json

  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "execution" {
  name   = "pull-image-and-write-log"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

data "aws_iam_policy_document" "execution" {
  #checkov:skip=CKV_AWS_356:GetAuthorizationToken, the one action on *, takes no resource

  statement {
    sid       = "RegistryLoginTakesNoResource"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullFromThisRepository"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    resources = [var.repository_arn]
  }

  statement {
    sid       = "WriteRouterLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.router.arn}:*"]
  }
}

# ----------------------------------------------------------------- task role

resource "aws_iam_role" "task" {
  name               = "${local.service_name}-task"
  path               = var.role_path
  description        = "What the router may do"
  assume_role_policy = data.aws_iam_policy_document.ecs_tasks_trust.json

  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy_attachment" "task_secrets" {
  role       = aws_iam_role.task.name
  policy_arn = var.secrets_policy_arn
}

resource "aws_iam_role_policy" "task" {
  name   = "router"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

# Each action with the call that needs it. A transaction (TransactWriteItems) needs no action of its own but those of its
# parts. There is no Scan: the router never scans. The secrets are in modules/secrets, the models in bedrock.tf.
data "aws_iam_policy_document" "task" {
  #checkov:skip=CKV_AWS_356:only X-Ray and ECS Exec's channels are on *, when they are on: they take no resource

  source_policy_documents = [data.aws_iam_policy_document.bedrock.json]

  statement {
    sid = "Conversations"
    actions = [
      "dynamodb:GetItem",    # a conversation's head and its pages; readiness asks for an item that is not there
      "dynamodb:PutItem",    # a new conversation, a new page
      "dynamodb:UpdateItem", # append, conditional on the version that was read
      "dynamodb:DeleteItem", # clear
      "dynamodb:Query",      # a user's sessions, a conversation's pages
    ]
    resources = [var.conversations_table.arn]
  }

  statement {
    sid = "Tenants"
    actions = concat(
      [
        "dynamodb:GetItem",            # tenant, user, memory, key, claim: read consistently
        "dynamodb:PutItem",            # reservations, audit entries; users, channels, keys
        "dynamodb:UpdateItem",         # usage counters; settings, roles
        "dynamodb:Query",              # lists of users, channels, keys, usage, audit entries
        "dynamodb:ConditionCheckItem", # in transactions: the tenant exists, and no other owns the channel
      ],
      var.admin_api ? ["dynamodb:DeleteItem"] : [], # users, channels, keys that are taken away
    )
    resources = [var.tenants_table.arn]
  }

  statement {
    sid       = "ChannelMapping"
    actions   = ["dynamodb:Query"] # from a webhook's channel or an API key's hash to its tenant
    resources = [var.tenants_table.index_arn]
  }

  # The reference's list has these. The awslogs driver writes with the execution role and the router itself calls none of
  # them, so they reach no further than the router's own log group, where a collector beside the router could write.
  statement {
    sid = "OwnLogGroup"
    actions = [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]
    resources = [aws_cloudwatch_log_group.router.arn, "${aws_cloudwatch_log_group.router.arn}:*"]
  }

  # X-Ray takes traces without a collector between, from those who may write them.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
  dynamic "statement" {
    for_each = anytrue([for value in values(var.otel_environment) : startswith(value, "https://xray.")]) ? [1] : []

    content {
      sid       = "Traces"
      actions   = ["xray:PutTraceSegments", "xray:PutSpans", "xray:PutSpansForIndexing"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.execute_command ? [1] : []

    content {
      sid = "EcsExec"
      actions = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      resources = ["*"]
    }
  }
}

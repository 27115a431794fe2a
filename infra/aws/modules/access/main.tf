# Who may do what from outside: policies for people and pipelines, and, where an issuer of tokens is named, roles that a
# pipeline takes without a stored key. calls.json is the one list: of the calls that the built t3nets makes (which its tests
# compare with it), each with what it is allowed on; of a plan it has those to the state. What the provider calls to refresh it
# is in reads.json, by resource and data source, as the source files say that are named there.

locals {
  calls = jsondecode(file("${path.module}/calls.json"))
  reads = jsondecode(file("${path.module}/reads.json"))

  refreshed = [for type in concat(values(local.reads.resources), values(local.reads.data)) : type.reads]

  conditions = {
    # ECS allows it on container instances, which Fargate has none of.
    tasks_of_cluster = { test = "ArnEquals", variable = "ecs:cluster", value = one(var.resources.cluster) }
    roles            = { test = "StringEqualsIfExists", variable = "iam:PassedToService", value = "ecs-tasks.amazonaws.com" }
  }

  # Whoever deploys or administers also reads. A plan may be a stranger's, made of a pull request: it reads the settings of what
  # Terraform made, and no item of a table and no log.
  policies = {
    for name, own in local.calls : name => name == "plan" ? concat([own], local.refreshed) : [
      for set in distinct(["read", name]) : local.calls[set]
    ]
  }
  # {policy: {resource: [actions]}}
  statements = {
    for name, sets in local.policies : name => {
      for resource in distinct(flatten([for set in sets : values(set)])) :
      resource => sort(distinct(flatten([for set in sets : [for action, on in set : action if on == resource]])))
    }
  }
}

data "aws_iam_policy_document" "policy" {
  for_each = local.statements

  dynamic "statement" {
    for_each = each.value

    content {
      actions   = statement.value
      resources = var.resources[statement.key]

      dynamic "condition" {
        for_each = compact([contains(keys(local.conditions), statement.key) ? statement.key : null])

        content {
          test     = local.conditions[condition.value].test
          variable = local.conditions[condition.value].variable
          values   = [local.conditions[condition.value].value]
        }
      }
    }
  }
}

# ------------------------------------------------- roles for a pipeline, by choice

# An account has one provider for an issuer: where another environment made it, its ARN is given.
resource "aws_iam_openid_connect_provider" "issuer" {
  count = var.access != null && try(var.access.provider_arn, null) == null ? 1 : 0

  url            = var.access.issuer
  client_id_list = [var.access.audience]
}

locals {
  provider_arn = try(coalesce(var.access.provider_arn, one(aws_iam_openid_connect_provider.issuer[*].arn)), null)
  issuer       = try(trimprefix(var.access.issuer, "https://"), "")
  subjects     = try(var.access.subjects, {})
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = [var.access.audience]
    }

    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "access" {
  for_each = local.subjects

  name                 = "${var.name}-${each.key}"
  path                 = var.role_path
  description          = "What `t3nets` calls to ${each.key}, for a pipeline"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = var.permissions_boundary
  # The longest deploy with its build.
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "access" {
  #checkov:skip=CKV_AWS_290:what takes no resource is in calls.json by AWS's Service Authorization Reference
  #checkov:skip=CKV_AWS_355:the same
  for_each = local.subjects

  name   = each.key
  role   = aws_iam_role.access[each.key].id
  policy = data.aws_iam_policy_document.policy[each.key].json
}

# The tenants' credentials. No secret is made here: the router and the CLI make them, and none passes through Terraform's
# state. Here is only where they live, and the permission to work there.

locals {
  # {prefix}/{tenant_id}/{integration} is a secret's name, {prefix}/{tenant_id}/users/{user_id}/{integration} a user's own.
  prefix = "/${var.project}/${var.environment}/tenants"
  arns   = "arn:${var.partition}:secretsmanager:${var.region}:${var.account_id}:secret:${local.prefix}/*"
}

resource "aws_iam_policy" "tenant_secrets" {
  name        = "${var.project}-${var.environment}-tenant-secrets"
  path        = var.role_path
  description = "The secrets under ${local.prefix}/, and no others"
  policy      = data.aws_iam_policy_document.tenant_secrets.json

  # IAM cannot change a description: the policy would be replaced, and the tasks be without it meanwhile.
  lifecycle {
    ignore_changes = [description]
  }
}

data "aws_iam_policy_document" "tenant_secrets" {
  #checkov:skip=CKV_AWS_356:ListSecrets, the one action on *, takes no resource; names and tags are what it shows

  statement {
    sid = "TenantSecrets"
    actions = [
      "secretsmanager:GetSecretValue", # a skill or webhook reads its integration's credentials
      "secretsmanager:DescribeSecret", # readiness; before put, show, restore: is there one, and is it pending deletion
    ]
    resources = [local.arns]
  }

  # What a tenant's admin does over HTTP (docs/http-api.md, Administration). The path holds the environment, the tag the
  # project: what something else made under such a name is out of reach.
  dynamic "statement" {
    for_each = var.admin_api ? [1] : []

    content {
      sid = "MakeTenantSecrets"
      actions = [
        "secretsmanager:CreateSecret", # an integration's first credentials
        "secretsmanager:TagResource",  # CreateSecret with the tags Project, TenantId, Integration
      ]
      resources = [local.arns]

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Project"
        values   = [var.project]
      }
    }
  }

  dynamic "statement" {
    for_each = var.admin_api ? [1] : []

    content {
      sid = "ManageTenantSecrets"
      actions = [
        "secretsmanager:UpdateSecret",  # new credentials
        "secretsmanager:DeleteSecret",  # an integration is removed, into the recovery window
        "secretsmanager:RestoreSecret", # a name that is pending deletion comes back first
      ]
      resources = [local.arns]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/Project"
        values   = [var.project]
      }
    }
  }

  dynamic "statement" {
    for_each = var.admin_api ? [1] : []

    content {
      sid       = "ListSecretsTakesNoResource"
      actions   = ["secretsmanager:ListSecrets"] # a tenant's integrations, filtered by name prefix
      resources = ["*"]
    }
  }
}

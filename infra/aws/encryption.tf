# One key of the account's own for tables, images, logs and notifications, where customer_managed_key is on. Off, each
# service encrypts with a key that AWS owns, which costs nothing and cannot be revoked or audited. The tenants' secrets are
# made by the router, under the account's aws/secretsmanager key.

# Whatever is encrypted with a key that is scheduled for deletion is out of reach at once, and lost when the key is gone. So
# the key outlives its use: it is deleted after all that was encrypted with it has left it, or stays (keep_unused_key).

variable "keep_unused_key" {
  description = "With customer_managed_key switched off: keep the key all the same, for backups and for what is in the logs by then. Without it the key goes once the image repository has left it, too."
  type        = bool
  default     = false
  nullable    = false
}

variable "delete_production_key" {
  description = "Let production be without a key of its own: one that it has is deleted."
  type        = bool
  default     = false
  nullable    = false
}

locals {
  has_own_key = var.customer_managed_key || var.keep_unused_key || terraform_data.repository_has_own_key.input

  own_key_arn = one(aws_kms_key.environment[*].arn)
  kms_key_arn = var.customer_managed_key ? local.own_key_arn : null

  repository_key_arn = terraform_data.repository_has_own_key.input ? local.own_key_arn : null
}

# AWS encrypts a repository anew only by replacing it, with all its images: the next task could not start. So it keeps what it
# was made with, until it is asked for: terraform apply -replace=terraform_data.repository_has_own_key
resource "terraform_data" "repository_has_own_key" {
  input = var.customer_managed_key || var.keep_unused_key

  lifecycle {
    ignore_changes = [input]
  }
}

resource "aws_kms_key" "environment" {
  count = local.has_own_key ? 1 : 0

  description             = "T3nets ${var.environment}: tables, images, logs, notifications"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.environment_key[0].json

  # Terraform otherwise deletes first what nothing refers to any more, and then changes what referred to it. With this it is
  # the other way round, also where nothing takes the key's place.
  # https://github.com/hashicorp/terraform/blob/main/docs/destroying.md
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_kms_alias" "environment" {
  count = local.has_own_key ? 1 : 0

  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.environment[0].key_id
}

data "aws_iam_policy_document" "environment_key" {
  count = local.has_own_key ? 1 : 0

  #checkov:skip=CKV_AWS_109:a key's policy names the key itself by *; without the account's own access nobody could ever administer the key
  #checkov:skip=CKV_AWS_111:as above
  #checkov:skip=CKV_AWS_356:as above

  statement {
    sid       = "AccountAdministersByIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  # What the aws/dynamodb key's own policy says: whoever may use the table may use the key, through DynamoDB alone. So
  # neither the router's role nor an operator's needs a permission on the key.
  statement {
    sid = "TablesAndImagesThroughTheirService"
    actions = [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncrypt*",
      "kms:GenerateDataKey*",
      "kms:DescribeKey",
      "kms:CreateGrant",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["dynamodb.${var.region}.amazonaws.com", "ecr.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "LogGroups"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:*${local.name}*"]
    }
  }

  statement {
    sid       = "AlarmsAndBudgetsToTheTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  # With aws:SourceAccount or aws:SourceArn EventBridge could not publish; what SNS encrypts for names the topic.
  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  statement {
    sid       = "FailedDeploymentsToTheTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = ["arn:${local.partition}:sns:${var.region}:${local.account_id}:${local.name}-alarms"]
    }
  }
}

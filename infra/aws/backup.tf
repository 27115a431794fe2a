# Backups of both tables by AWS Backup, besides point-in-time recovery: kept for longer than its 35 days, out of reach of who
# may delete tables, and copied to another region or account. ../../docs/recovery.md says how they are restored.

variable "backup" {
  description = "Backups by AWS Backup: each day's is kept for daily_days, that of each month's first day for monthly_days (0 for none; both 0 for no new ones, while those that are there stay until they expire), and each is copied to the vault copy_to (its ARN, in another region or account). force_destroy lets the vault be deleted with the backups in it. Null for none, once the vault is empty."
  type = object({
    daily_days    = optional(number, 7)
    monthly_days  = optional(number, 365)
    copy_to       = optional(string)
    force_destroy = optional(bool, false)
  })
  default = null

  validation {
    condition = alltrue([
      for days in var.backup == null ? [] : [var.backup.daily_days, var.backup.monthly_days] : days >= 0 && floor(days) == days
    ])
    error_message = "backup.daily_days and backup.monthly_days are whole numbers of days, 0 for none."
  }

  validation {
    condition = alltrue([
      for arn in var.backup == null ? [] : var.backup.copy_to[*] :
      can(regex("^arn:aws[a-z-]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]{2,50}$", arn))
    ])
    error_message = "backup.copy_to is the ARN of an AWS Backup vault."
  }
}

locals {
  # Name → when, in UTC, and for how many days.
  backup_rules = var.backup == null ? {} : {
    for name, rule in {
      daily   = { schedule = "cron(0 5 ? * * *)", days = var.backup.daily_days }
      monthly = { schedule = "cron(0 7 1 * ? *)", days = var.backup.monthly_days }
    } : name => rule if rule.days > 0
  }

  is_backed_up = length(local.backup_rules) > 0
}

# Encrypted with the account's aws/backup key, so that backups outlive the environment's own. AWS refuses to delete a vault that
# has backups, unless force_destroy had Terraform delete them first.
resource "aws_backup_vault" "tables" {
  #checkov:skip=CKV_AWS_166:a backup under the environment's own key would be lost with it
  count = var.backup == null ? 0 : 1

  name          = "${local.name}-tables"
  force_destroy = var.backup.force_destroy

  # AWS Backup deletes what has expired by the role that made it: the role goes last.
  # https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DeleteRecoveryPoint.html
  depends_on = [aws_iam_role_policy_attachment.backup]

  lifecycle {
    precondition {
      condition     = !(var.backup.force_destroy && var.deletion_protection)
      error_message = "backup.force_destroy would delete the backups of an environment that has deletion_protection."
    }
  }
}

resource "aws_backup_plan" "tables" {
  count = local.is_backed_up ? 1 : 0

  name = "${local.name}-tables"

  dynamic "rule" {
    for_each = local.backup_rules

    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.tables[0].name
      schedule          = rule.value.schedule

      lifecycle {
        delete_after = rule.value.days
      }

      dynamic "copy_action" {
        for_each = var.backup.copy_to[*]

        content {
          destination_vault_arn = copy_action.value

          lifecycle {
            delete_after = rule.value.days
          }
        }
      }
    }
  }
}

resource "aws_backup_selection" "tables" {
  count = local.is_backed_up ? 1 : 0

  name         = "tables"
  plan_id      = aws_backup_plan.tables[0].id
  iam_role_arn = aws_iam_role.backup[0].arn
  resources    = [module.data.conversations_table.arn, module.data.tenants_table.arn]

  # AWS Backup tries the role when it is given.
  depends_on = [aws_iam_role_policy_attachment.backup]
}

# ---------------------------------------------------------------------- role

# Without a condition on the account, which AWS's own role for this does not have either: a role can only be given to a service
# of the account that it is in.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
data "aws_iam_policy_document" "backup_trust" {
  count = var.backup == null ? 0 : 1

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "backup" {
  count = var.backup == null ? 0 : 1

  name               = "${local.name}-backup"
  path               = var.role_path
  description        = "AWS Backup: reads the tables, copies their backups, and deletes those that have expired."
  assume_role_policy = data.aws_iam_policy_document.backup_trust[0].json

  permissions_boundary = var.permissions_boundary
}

# AWS's own, which its documentation asks for: what a backup of DynamoDB needs has changed with its features.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html
resource "aws_iam_role_policy_attachment" "backup" {
  count = var.backup == null ? 0 : 1

  role       = aws_iam_role.backup[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
}

# -------------------------------------------------------------------- alarms

locals {
  backup_alarms = { for name, alarm in merge(
    {
      backup-failed = {
        metric = "NumberOfBackupJobsFailed"
        vault  = "${local.name}-tables"
        says   = "A backup of a table failed: AWS Backup's jobs say why."
      }
      backup-expired = {
        metric = "NumberOfBackupJobsExpired"
        vault  = "${local.name}-tables"
        says   = "A backup of a table did not begin within eight hours of its time: AWS Backup's jobs say why."
      }
    },
    {
      for arn in try(var.backup.copy_to, null)[*] : "backup-copy-failed" => {
        metric = "NumberOfCopyJobsFailed"
        vault  = reverse(split(":", arn))[0]
        says   = "A backup could not be copied to ${arn}: AWS Backup's copy jobs say why."
      }
    }
  ) : name => alarm if local.is_backed_up }
}

# A job is counted in one five minutes, and copies by the vault they go to. Each alarm stays for a day, until the next daily
# backup has shown whether it is over.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
resource "aws_cloudwatch_metric_alarm" "backup" {
  for_each = local.backup_alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/Backup"
  metric_name         = each.value.metric
  dimensions          = { BackupVaultName = each.value.vault }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 24
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

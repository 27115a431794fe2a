# Which models the router may call: the configured one and those that operators allow beside it, and no others. Converse
# needs bedrock:InvokeModel, ConverseStream needs bedrock:InvokeModelWithResponseStream.
#
# An inference profile ("us.anthropic.…") hands a request to the model in one of its regions, and the caller needs
# permission for both: the profile here, and the model in every region it may go to.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html

locals {
  bedrock = "arn:${var.partition}:bedrock"

  # A profile's prefix → the regions it may use; the empty one stands for the global profiles' ARNs without a region. A
  # region too many opens nothing: the models can only be called through the profile (the condition below).
  # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
  profile_regions = {
    us     = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"]
    eu     = ["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"]
    apac   = ["ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4"]
    jp     = ["ap-northeast-1", "ap-northeast-3"]
    au     = ["ap-southeast-2", "ap-southeast-4"]
    global = [var.region, ""]
  }

  # Profile id (or the beginning of ids) → the prefix it begins with. "anthropic.claude-…" begins with none.
  profiles = {
    for id in var.bedrock_models : id => split(".", id)[0]
    if contains(keys(local.profile_regions), split(".", id)[0])
  }

  given_arns = [for id in var.bedrock_models : id if startswith(id, "arn:")]
  models     = [for id in var.bedrock_models : id if !startswith(id, "arn:") && !contains(keys(local.profiles), id)]

  guardrail_arns = [
    for id in var.bedrock_guardrails :
    startswith(id, "arn:") ? id : "${local.bedrock}:${var.region}:${var.account_id}:guardrail/${id}"
  ]

  profile_arns = { for id in keys(local.profiles) : id => "${local.bedrock}:${var.region}:${var.account_id}:inference-profile/${id}" }
}

data "aws_iam_policy_document" "bedrock" {
  statement {
    sid = "Models"
    actions = [
      "bedrock:InvokeModel",                   # Converse: an answer at once
      "bedrock:InvokeModelWithResponseStream", # ConverseStream: an answer as it is written
    ]
    resources = concat(
      values(local.profile_arns),
      [for id in local.models : "${local.bedrock}:${var.region}::foundation-model/${id}"],
      local.given_arns,
    )
  }

  dynamic "statement" {
    for_each = local.profiles

    content {
      sid     = "Through${replace(title(replace(statement.key, "/[^a-zA-Z0-9]/", " ")), " ", "")}"
      actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      resources = [
        for region in local.profile_regions[statement.value] :
        "${local.bedrock}:${region}::foundation-model/${trimprefix(statement.key, "${statement.value}.")}"
      ]

      condition {
        test     = "StringLike"
        variable = "bedrock:InferenceProfileArn"
        values   = [local.profile_arns[statement.key]]
      }
    }
  }
  # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions.html
  dynamic "statement" {
    for_each = length(local.guardrail_arns) > 0 ? [local.guardrail_arns] : []

    content {
      sid       = "Guardrails"
      actions   = ["bedrock:ApplyGuardrail"] # Converse and ConverseStream with a guardrail
      resources = statement.value
    }
  }
}

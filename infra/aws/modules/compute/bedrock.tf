# Which models the router may call: the configured one and those that operators allow beside it, and no others. Converse
# needs bedrock:InvokeModel, ConverseStream needs bedrock:InvokeModelWithResponseStream.
#
# An inference profile ("us.anthropic.…") hands a request to the model in one of its regions, and the caller needs
# permission for both: the profile here, and the model in every region it may go to.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
#
# What an application inference profile or a prompt router stands for its ARN does not say. So all models can be called
# through it, and only through it. Both may be looked at as well: AWS's own CDK grants that with the call, and the role reads
# nothing else by it.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html#amazonbedrock-policy-keys

locals {
  bedrock       = "arn:${var.partition}:bedrock"
  model_actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]

  # Each ARN's kind and what comes after it.
  given_arns = {
    for id in var.bedrock_models : id => regex("^arn:[^:]*:bedrock:[^:]*:[^:]*:([a-z-]+)/(.+)$", id)
    if startswith(id, "arn:")
  }
  application_profiles = [for id, arn in local.given_arns : id if arn[0] == "application-inference-profile"]
  prompt_routers       = [for id, arn in local.given_arns : id if contains(["default-prompt-router", "prompt-router"], arn[0])]

  looked_at = {
    "bedrock:GetInferenceProfile" = local.application_profiles
    "bedrock:GetPromptRouter"     = local.prompt_routers
  }

  ids = distinct(concat(
    [for id in var.bedrock_models : id if !startswith(id, "arn:")],
    [for arn in values(local.given_arns) : arn[1] if arn[0] == "inference-profile"],
  ))

  # Profile id (or the beginning of ids) → the prefix it begins with. "anthropic.claude-…" begins with none.
  profiles = { for id in local.ids : id => split(".", id)[0] if contains(keys(var.bedrock_profile_regions), split(".", id)[0]) }
  models   = [for id in local.ids : id if !contains(keys(local.profiles), id)]

  guardrail_arns = [
    for id in var.bedrock_guardrails :
    startswith(id, "arn:") ? id : "${local.bedrock}:${var.region}:${var.account_id}:guardrail/${id}"
  ]

  profile_arns = { for id in keys(local.profiles) : id => "${local.bedrock}:${var.region}:${var.account_id}:inference-profile/${id}" }

  # Any model, in any region and in none.
  any_model = ["${local.bedrock}:*::foundation-model/*", "${local.bedrock}:${var.region}:${var.account_id}:inference-profile/*"]
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
      [for id, arn in local.given_arns : id if arn[0] != "inference-profile"],
    )
  }

  dynamic "statement" {
    for_each = local.profiles

    content {
      sid     = "Through${replace(title(replace(statement.key, "/[^a-zA-Z0-9]/", " ")), " ", "")}"
      actions = local.model_actions
      resources = [
        for region in var.bedrock_profile_regions[statement.value] :
        "${local.bedrock}:${region}::foundation-model/${trimprefix(statement.key, "${statement.value}.")}"
      ]

      condition {
        test     = "StringLike"
        variable = "bedrock:InferenceProfileArn"
        values   = [local.profile_arns[statement.key]]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.application_profiles) > 0 ? [local.application_profiles] : []

    content {
      sid       = "ThroughApplicationProfiles"
      actions   = local.model_actions
      resources = local.any_model

      condition {
        test     = "ArnEquals"
        variable = "bedrock:InferenceProfileArn"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.prompt_routers) > 0 ? [local.prompt_routers] : []

    content {
      sid       = "ThroughPromptRouters"
      actions   = local.model_actions
      resources = local.any_model

      condition {
        test     = "ArnEquals"
        variable = "bedrock:PromptRouterArn"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = { for action, arns in local.looked_at : action => arns if length(arns) > 0 }

    content {
      sid       = replace(statement.key, "/^bedrock:/", "")
      actions   = [statement.key]
      resources = statement.value
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

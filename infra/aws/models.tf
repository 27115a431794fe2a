# Which models a region's Bedrock can be asked for, and what the variables mean that are not set. What the router may then
# call is in modules/compute/bedrock.tf.

locals {
  # Bedrock's own (system-defined) inference profiles by what their ids begin with: the regions that can call one, as a
  # pattern, and those among which it chooses; "" stands for the global profiles' ARNs without a region. A region too many in
  # `regions` opens nothing: the models there can only be called through the profile.
  # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
  model_geographies = {
    us       = { called_from = "^(us|ca)-(east|west|central)-", regions = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1"] }
    "us-gov" = { called_from = "^us-gov-", regions = ["us-gov-east-1", "us-gov-west-1"] }
    ca       = { called_from = "^ca-", regions = ["ca-central-1", "ca-west-1"] }
    eu       = { called_from = "^(eu|il)-", regions = ["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"] }
    apac     = { called_from = "^(ap|me)-", regions = ["ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "me-central-1"] }
    jp       = { called_from = "^ap-northeast-[13]$", regions = ["ap-northeast-1", "ap-northeast-3"] }
    au       = { called_from = "^ap-southeast-[24]$", regions = ["ap-southeast-2", "ap-southeast-4"] }
    global   = { called_from = "^(us|ca|mx|sa|eu|il|me|af|ap)-(north|south|east|west|central)", regions = [var.region, ""] }
  }

  # The nearest geography that has the default model, as the router's own table has it (router/src/ai/models.toml).
  model_geography = [
    for geography in [
      ["us-gov", "^us-gov-"],
      ["us", "^(us|ca)-"],
      ["eu", "^eu-"],
      ["jp", "^ap-northeast-[13]$"],
      ["au", "^ap-southeast-[24]$"],
      ["global", ""],
    ] : geography[0] if can(regex(geography[1], var.region))
  ][0]

  bedrock_model_id = coalesce(var.bedrock_model_id, "${local.model_geography}.anthropic.claude-sonnet-4-5-20250929-v1:0")
  bedrock_allowed_models = (
    var.bedrock_allowed_models != null
    ? var.bedrock_allowed_models
    : ["${local.model_geography}.anthropic.*", "${local.model_geography}.amazon.nova-*"]
  )
  bedrock_models = distinct(concat([local.bedrock_model_id], local.bedrock_allowed_models))

  # Each ARN in its parts: partition, region, kind, and what comes after it.
  model_arns = {
    for id in local.bedrock_models : id => regex("^arn:([^:]*):bedrock:([^:]*):[^:]*:([a-z-]+)/(.+)$", id)
    if startswith(id, "arn:")
  }

  # What Converse can be asked for by its ARN, and why not for others.
  # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
  callable_arns = [
    "foundation-model", "inference-profile", "application-inference-profile", "default-prompt-router", "prompt-router",
    "provisioned-model", "custom-model-deployment", "imported-model",
  ]
  not_callable = {
    "custom-model" = "a custom model is called through its provisioned-model or custom-model-deployment: name that one's ARN"
    "prompt"       = "the router writes its own prompts: name the model's ARN"
    "marketplace"  = "the router may not call SageMaker's endpoints"
  }

  # The id of each inference profile of Bedrock's own, named by it or by its ARN.
  model_profiles = {
    for id in local.bedrock_models : id => try(local.model_arns[id][2] == "inference-profile", false) ? local.model_arns[id][3] : id
    if !startswith(id, "arn:") || try(local.model_arns[id][2] == "inference-profile", false)
  }

  models_elsewhere = concat(
    [
      for id, profile in local.model_profiles :
      "${id} cannot be called in ${var.region}, where inference profiles begin with ${join(", ", [for prefix, geography in local.model_geographies : "${prefix}." if can(regex(geography.called_from, var.region))])}"
      if !can(regex(try(local.model_geographies[split(".", profile)[0]].called_from, ""), var.region))
    ],
    [
      for id, arn in local.model_arns : "${id} is of ${arn[0]} in ${arn[1]}, not of ${local.partition} in ${var.region}"
      if arn[0] != local.partition || arn[1] != var.region
    ],
    [
      for id, arn in local.model_arns : "${id}: ${lookup(local.not_callable, arn[2], "Bedrock's Converse takes no ${arn[2]}")}"
      if !contains(local.callable_arns, arn[2])
    ],
  )
}

resource "terraform_data" "callable_models" {
  lifecycle {
    precondition {
      condition     = length(local.models_elsewhere) == 0
      error_message = "bedrock_model_id or bedrock_allowed_models: ${join("; ", local.models_elsewhere)}. Left out, both are the region's own."
    }
  }
}

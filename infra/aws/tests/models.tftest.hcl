# Which models an environment has that names none: those of its region.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["a", "b", "c", "d"], zone_ids = ["use1-az1", "use1-az2", "aps1-az1", "aps1-az2"] }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  environment = "dev"
}

run "europe_has_europes" {
  command = plan
  variables {
    region = "eu-west-1"
  }
  assert {
    condition     = output.bedrock_models == tolist(["eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.*", "eu.amazon.nova-*"])
    error_message = "in eu-west-1: ${jsonencode(output.bedrock_models)}"
  }
}

run "govcloud_has_its_own" {
  command = plan
  variables {
    region = "us-gov-west-1"
  }
  assert {
    condition     = output.bedrock_models[0] == "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"
    error_message = "in us-gov-west-1: ${output.bedrock_models[0]}"
  }
}

run "where_there_is_none_of_the_geography_it_is_the_global_one" {
  command = plan
  variables {
    region = "ap-south-1"
  }
  assert {
    condition     = output.bedrock_models[0] == "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    error_message = "in ap-south-1: ${output.bedrock_models[0]}"
  }
}

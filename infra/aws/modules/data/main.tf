# The two tables. Which items they hold, and with which attributes, is the router's: here are only keys.

# pk {tenant_id}#{channel}#{user_id}, sk {session_id}.
resource "aws_dynamodb_table" "conversations" {
  #checkov:skip=CKV_AWS_119:encrypted with the environment's key where customer_managed_key is on (prod), with DynamoDB's own otherwise
  #checkov:skip=CKV_AWS_28:point-in-time recovery is on in staging and prod; a dev conversation is worth nothing
  #checkov:skip=CKV2_AWS_16:on-demand tables have no capacity to scale
  name                        = "${var.name}-conversations"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # Set by the router to 30 days after the last turn, or fewer where a tenant keeps conversations for less. DynamoDB deletes within days of it, so readers check it too.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }
}

# A single-table design: pk TENANT#{id} or USER#{tenant_id}; sk META, USER#{id}, CHANNEL#{type}#{id} and more.
resource "aws_dynamodb_table" "tenants" {
  #checkov:skip=CKV_AWS_119:as for conversations
  #checkov:skip=CKV_AWS_28:as for conversations
  #checkov:skip=CKV2_AWS_16:as for conversations
  name                        = "${var.name}-tenants"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "gsi1pk"
    type = "S"
  }

  # From a channel to its tenant: gsi1pk CHANNEL#{type}#{id}. Only channel mappings have the attribute, so only they are in it.
  # (Provider 6.29 deprecated hash_key for key_schema blocks; both work in 6.x, and all tools know this one.)
  global_secondary_index {
    name            = "channel-mapping"
    hash_key        = "gsi1pk"
    projection_type = "ALL"
  }

  # What expires here: usage reservations and the like. Items without the attribute stay.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }
}

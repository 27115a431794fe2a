# With front = cloud_map: API Gateway asks Cloud Map for the tasks' addresses and calls them itself. ECS registers each task
# while its container health check passes. API Gateway needs the port too, so the records are SRV.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-private.html

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = local.has_cloud_map ? 1 : 0

  name        = "${var.name}.internal"
  description = "The tasks of ${local.service_name}"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "router" {
  count = local.has_cloud_map ? 1 : 0

  # Not `router`, which those had that were made without a health check: one takes the other's place.
  name          = "tasks"
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "SRV"
      ttl  = 10
    }
  }

  # Deprecated, as AWS takes no other value than 1; but the provider neither sends nor reads back a block with nothing in it,
  # and would replace the service at every apply. https://github.com/hashicorp/terraform-provider-aws/issues/44285
  health_check_custom_config {
    failure_threshold = 1
  }

  # Deleted after the tasks have left it, not before.
  lifecycle {
    create_before_destroy = true
  }
}

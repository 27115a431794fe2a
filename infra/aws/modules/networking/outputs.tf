output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "The private subnets: load balancer, VPC link, and tasks unless egress is public."
  value       = local.private_subnet_ids
}

output "task_subnet_ids" {
  description = "Where tasks run: the private subnets, or the public ones when that is their only way out."
  value       = var.egress == "public" ? local.public_subnet_ids : local.private_subnet_ids

  # A task started before the way out is there could not pull its image.
  depends_on = [
    aws_route.public_internet,
    aws_route.private,
    aws_route_table_association.public,
    aws_route_table_association.private,
    aws_vpc_endpoint.gateway,
    aws_vpc_endpoint.interface,
  ]
}

output "assign_public_ip" {
  description = "Whether tasks get public addresses."
  value       = var.egress == "public"
}

output "egress_addresses" {
  description = "The fixed addresses that tasks' calls come from; none where each task has its own, or the VPC is an existing one."
  value       = local.nat == "nat_gateway" ? aws_eip.nat[*].public_ip : local.nat == "nat_instance" ? aws_eip.nat_instance[*].public_ip : []
}

output "alarm_arns" {
  description = "The alarms of this module."
  value       = aws_cloudwatch_metric_alarm.nat_instance[*].arn
}

output "zones_with_vpc_links" {
  description = "The ids of the region's zones in which API Gateway has VPC links; null where AWS lists none, which means any."
  value       = lookup(local.zones_with_vpc_links, var.region, null)
}

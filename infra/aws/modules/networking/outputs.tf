output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "The private subnets: load balancer, VPC link, and tasks unless egress is public."
  value       = aws_subnet.private[*].id
}

output "task_subnet_ids" {
  description = "Where tasks run: the private subnets, or the public ones when that is their only way out."
  value       = var.egress == "public" ? aws_subnet.public[*].id : aws_subnet.private[*].id

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
  description = "The fixed addresses that tasks' calls come from; none where each task has its own."
  value       = local.nat == "nat_gateway" ? aws_eip.nat[*].public_ip : local.nat == "nat_instance" ? aws_eip.nat_instance[*].public_ip : []
}

output "alarm_arns" {
  description = "The alarms of this module."
  value       = aws_cloudwatch_metric_alarm.nat_instance[*].arn
}

output "prefix" {
  description = "What every tenant's secret names begin with, without a slash at its end."
  value       = local.prefix
}

output "policy_arn" {
  description = "The policy that allows the tenants' secrets and nothing else."
  value       = aws_iam_policy.tenant_secrets.arn
}

output "arns" {
  description = "The tenants' secrets, as a pattern."
  value       = local.arns
}

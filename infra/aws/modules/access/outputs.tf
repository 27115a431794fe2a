output "policies" {
  description = "Policies by what they are for: deploy, operate, read and plan, each as JSON."
  value       = { for name, document in data.aws_iam_policy_document.policy : name => document.json }
}

output "role_arns" {
  description = "The roles that tokens open, by what they are for."
  value       = { for name, role in aws_iam_role.access : name => role.arn }
}

# What `t3nets infra bootstrap` writes into ../aws/environments/NAME.s3.tfbackend.

output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.state.bucket

  # Whoever reads the name may use the bucket, so all that protects it must be there first.
  depends_on = [
    aws_s3_bucket_versioning.state,
    aws_s3_bucket_server_side_encryption_configuration.state,
    aws_s3_bucket_public_access_block.state,
    aws_s3_bucket_policy.state,
  ]
}

output "region" {
  description = "The bucket's region."
  value       = var.region
}

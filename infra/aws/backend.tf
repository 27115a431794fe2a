# The state is a local file until there is a bucket for it. `t3nets infra bootstrap -e NAME` makes the bucket (versioned,
# encrypted, closed to the public), writes environments/NAME.s3.tfbackend, which names it for that environment, and replaces
# this file by the lines below. Locking in S3 itself needs Terraform 1.10; everything else in this folder needs 1.5.
#
# terraform {
#   backend "s3" {}
# }

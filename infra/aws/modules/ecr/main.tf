# The router's images.

resource "aws_ecr_repository" "router" {
  #checkov:skip=CKV_AWS_136:encrypted with the environment's key where customer_managed_key is on (prod), with AES-256 otherwise
  name         = "${var.name}-router"
  force_delete = var.force_delete

  # `deploy` tags by content and runs by digest, so no tag ever has to move.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }
}

# What runs or was verified, and what was pushed last. `deploy` tags an image with kept-… once it runs well, and no rule of a
# later priority touches an image that has the tags of an earlier one: however many deploys fail, what runs stays, and so does
# what is rolled back to. Images of the first rule count among the ten of the second, too.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
resource "aws_ecr_lifecycle_policy" "router" {
  # By its id, which is another one where the repository is replaced, and the policy with it.
  repository = aws_ecr_repository.router.id

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Keep the last 10 images that ran well"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["kept-*"]
          countType      = "imageCountMoreThan"
          countNumber    = 10
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Keep the last 10 images"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = 10
        }
        action = { type = "expire" }
      },
    ]
  })
}

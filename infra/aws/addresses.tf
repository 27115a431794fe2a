# The network's addresses. Subnets that are not given are parts of vpc_cidr: of 10.0.0.0/16 they are 10.0.1.0/24,
# 10.0.2.0/24 (public), 10.0.10.0/24 and 10.0.11.0/24 (private).

locals {
  vpc_bits = tonumber(split("/", var.vpc_cidr)[1])

  # /24 of a /16, and of a smaller network no less than the /27 that a load balancer needs.
  # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
  smallest_subnet = 27
  part_bits       = max(4, min(8, local.smallest_subnet - local.vpc_bits))

  public_subnet_cidrs = (
    var.public_subnet_cidrs != null
    ? var.public_subnet_cidrs
    : [for part in [1, 2] : try(cidrsubnet(var.vpc_cidr, local.part_bits, part), var.vpc_cidr)]
  )
  private_subnet_cidrs = (
    var.private_subnet_cidrs != null
    ? var.private_subnet_cidrs
    : [for part in [10, 11] : try(cidrsubnet(var.vpc_cidr, local.part_bits, part), var.vpc_cidr)]
  )

  subnets = [
    for cidr in concat(local.public_subnet_cidrs, local.private_subnet_cidrs) :
    { cidr = cidr, address = split("/", cidr)[0], bits = tonumber(split("/", cidr)[1]) }
  ]

  outside = [
    for subnet in local.subnets : subnet.cidr
    if subnet.bits < local.vpc_bits || cidrsubnet("${subnet.address}/${local.vpc_bits}", 0, 0) != cidrsubnet(var.vpc_cidr, 0, 0)
  ]

  # Two networks overlap where they are the same as far as the shorter prefix goes.
  overlapping = flatten([
    for index, one in local.subnets : [
      for other in slice(local.subnets, index + 1, length(local.subnets)) : "${one.cidr} and ${other.cidr}"
      if cidrsubnet("${one.address}/${min(one.bits, other.bits)}", 0, 0) == cidrsubnet("${other.address}/${min(one.bits, other.bits)}", 0, 0)
    ]
  ])
}

resource "terraform_data" "consistent_addresses" {
  lifecycle {
    precondition {
      condition     = local.vpc_bits >= 16 && local.vpc_bits <= 28
      error_message = "vpc_cidr is a /16 to a /28, as AWS has it, and not ${var.vpc_cidr}."
    }

    precondition {
      condition     = alltrue([for cidr in concat([var.vpc_cidr], local.subnets[*].cidr) : cidrsubnet(cidr, 0, 0) == cidr])
      error_message = "vpc_cidr and the subnets begin with a network's first address, such as 10.0.0.0/16 and not 10.0.0.1/16."
    }

    precondition {
      condition     = alltrue([for subnet in local.subnets : subnet.bits <= local.smallest_subnet])
      error_message = "Subnets of ${join(", ", local.subnets[*].cidr)} are too small: a load balancer needs a /${local.smallest_subnet}. Take a vpc_cidr of /23 or larger."
    }

    precondition {
      condition     = length(local.outside) == 0
      error_message = "${join(", ", local.outside)} are not in vpc_cidr, ${var.vpc_cidr}."
    }

    precondition {
      condition     = length(local.overlapping) == 0
      error_message = "Subnets overlap: ${join("; ", local.overlapping)}."
    }
  }
}

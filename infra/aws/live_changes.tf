# What a live environment must not do in one apply, or never: see ../README.md, Changing a live environment. A plan sees the
# variables alone, not what they were before; so what they were is remembered here.

# ------------------------------------------------------------ never: whose state

# Remembers whose state this is: its input never changes after the first apply. With another environment's tfvars the plan,
# which would replace everything, stops here.
resource "terraform_data" "state_owner" {
  input = var.environment

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input == var.environment
      error_message = "This state is of the environment ${self.input}, not ${var.environment}: select its own workspace or backend key."
    }
  }
}

# And where: every name has the project in it, and nothing moves to another region or account.
resource "terraform_data" "state_place" {
  input = local.place

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input == local.place
      error_message = "This state is of ${jsonencode(self.input)}, not of ${jsonencode(local.place)}: everything would be made anew there. A new environment is one with a name of its own."
    }
  }
}

# Nor does a network get other addresses, nor is another one taken: the load balancer, the VPC link and the tasks are in its
# subnets.
resource "terraform_data" "network_addresses" {
  input = local.addresses

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = jsonencode(self.input) == jsonencode(local.addresses)
      error_message = "The network is ${jsonencode(self.input)} and cannot become ${jsonencode(local.addresses)}: all that is in its subnets would be replaced. Make an environment with a name of its own there, bring the tenants over (t3nets tenant export, import), and then destroy this one."
    }
  }
}

# IAM moves no role to another path: it deletes the role and makes another of the same name. What runs would lose its
# permissions at once, and no task of a release that names the former role could start.
resource "terraform_data" "role_path" {
  input = var.role_path

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input == var.role_path
      error_message = "The roles have the path ${self.input} and cannot get ${var.role_path}: they would be deleted and made anew, and what runs would lose its permissions at once. A new environment, with a name of its own, can have it."
    }
  }
}

# --------------------------------------------- not in one apply: what chats pass

variable "egress_beside" {
  description = "While egress is changed: the way out that is there beside it, before and after; null for none."
  type        = string
  default     = null

  validation {
    condition     = contains(["nat_gateway", "nat_instance", "public", "existing"], coalesce(var.egress_beside, "public"))
    error_message = "egress_beside is nat_gateway, nat_instance, public, existing or null."
  }
}

variable "nat_instance_beside" {
  description = "While nat_instance is changed: the instance that is there beside it, before and after; null for none."
  type        = string
  default     = null

  validation {
    condition     = contains(["a", "b"], coalesce(var.nat_instance_beside, "a"))
    error_message = "nat_instance_beside is a, b or null."
  }
}

variable "front_beside" {
  description = "While front is changed: the front that is there beside it, before and after; null for none."
  type        = string
  default     = null

  validation {
    condition     = contains(["alb", "cloud_map"], coalesce(var.front_beside, "alb"))
    error_message = "front_beside is alb, cloud_map or null."
  }
}

locals {
  place = { project = var.project, region = var.region, account = local.account_id }
  addresses = (
    local.vpc_exists
    ? concat([var.vpc_id], sort(var.private_subnet_ids), sort(var.public_subnet_ids))
    : concat([var.vpc_cidr], local.public_subnet_cidrs, local.private_subnet_cidrs)
  )

  # What requests and the tasks' own calls pass: `now` carries them, `beside` is there as well. Another one takes its place
  # in three applies: it is built beside; the two change places; the former one is removed.
  ways = {
    egress = { now = var.egress, beside = var.egress_beside }
    front  = { now = var.front, beside = var.front_beside }

    nat_instance = { now = var.nat_instance, beside = var.nat_instance_beside }
  }

  # Each of the two memories keeps what `now` was for as long as its own sign is the same, and refuses another one then. Of
  # the three applies each changes both signs; one that leaves a step out keeps one of them.
  ways_remembered = merge([
    for name, way in local.ways : {
      "${name} by what is beside" = { name = name, way = way, sign = way.beside }
      "${name} by what was first" = { name = name, way = way, sign = coalesce(way.beside, way.now) }
    }
  ]...)
}

# Whether the tasks were once moved, to another front or other subnets: then there is a release, and an apply that restarts
# them ends when they run. What it takes away afterwards, they have left.
resource "terraform_data" "tasks_moved" {
  input            = var.egress_beside != null || var.front_beside != null
  triggers_replace = [var.egress == "public", var.front]

  lifecycle {
    ignore_changes = [input]
  }
}

resource "terraform_data" "way" {
  for_each = local.ways_remembered

  input            = each.value.way.now
  triggers_replace = [each.value.sign]

  lifecycle {
    ignore_changes = [input]

    precondition {
      condition     = each.value.way.now != each.value.way.beside
      error_message = "${each.value.name}_beside is another one than ${each.value.name}, or null."
    }

    postcondition {
      condition     = self.input == each.value.way.now
      error_message = "${each.value.name} goes from ${self.input} to ${each.value.way.now} in three applies, or chats would fail meanwhile: ${each.value.name}_beside = \"${each.value.way.now}\"; then ${each.value.name} = \"${each.value.way.now}\" and ${each.value.name}_beside = \"${self.input}\"; then no ${each.value.name}_beside."
    }
  }

  # In another network nothing has a way to change: that is refused first, and alone.
  depends_on = [terraform_data.network_addresses]
}

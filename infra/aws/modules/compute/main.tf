# The running service and everything that stands directly around it. One file per topic:
#   cluster.tf, task.tf, service.tf    what runs, and how a new revision replaces the old one
#   iam.tf, bedrock.tf                 what it may do
#   alb.tf or cloud_map.tf             what brings requests to it (front), vpc_link.tf what brings them into the VPC
#   security_groups.tf                 who may call whom
#   autoscaling.tf, active_hours.tf    how many run, and when none do
#   alarms.tf                          who is told when something is wrong

locals {
  service_name   = "${var.name}-router"
  container_name = "router"
  container_port = 8080
  health_path    = "/health"

  # More than one only while one takes the other's place.
  fronts        = compact([var.front, var.front_beside])
  has_alb       = contains(local.fronts, "alb")
  has_cloud_map = contains(local.fronts, "cloud_map")

  # What the router promises: an answer, or an error, in 25 s; a stream's end in 120 s. Everything that waits for a
  # request to end waits longer than that. A turn of the web page has a stream's time whatever the front: its page may
  # ask another task for the rest, and the router ends as soon as none is left.
  drain_seconds = var.streaming_front ? 120 : 30
  stop_seconds  = 120
  idle_seconds  = var.streaming_front ? 130 : 60

  # The streaming front's stage. It is part of that front's paths, see alb.tf.
  streaming_stage = "stream"
}

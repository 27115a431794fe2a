# The NAT instance is the tasks' only way out. EC2 moves it to another host by itself when its own fails; what is wrong
# inside the instance, a restart mostly mends. NAT gateways are AWS's to watch.

data "aws_partition" "current" {
  count = local.nat_instances
}

resource "aws_cloudwatch_metric_alarm" "nat_instance" {
  count = local.nat_instances

  alarm_name          = "${var.name}-nat-failed"
  alarm_description   = "The NAT instance fails its checks or reports nothing, and is restarted: tasks cannot reach Bedrock, Secrets Manager or Jira."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = aws_instance.nat[var.nat_instance].id }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "breaching"
  alarm_actions       = concat(["arn:${data.aws_partition.current[0].partition}:automate:${var.region}:ec2:reboot"], var.alarm_actions)
  ok_actions          = var.alarm_actions
}

# The usual questions to the logs, saved in CloudWatch's Logs Insights. They cost nothing until they are asked: $0.005 a GB
# that is searched. The router's lines are JSON: level, message, and what belongs to it; `span` is the request.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html

locals {
  queries = {
    "errors and warnings" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        fields @timestamp, level, message, code, error, tenant, span.request_id
        | filter level in ['ERROR', 'WARN']
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "errors by kind" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        filter level in ['ERROR', 'WARN']
        | stats count() as lines, latest(@timestamp) as last by level, message, code
        | sort lines desc
      EOT
    }
    "troubles by tenant" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        filter ispresent(tenant) and level in ['ERROR', 'WARN']
        | stats count() as lines, latest(@timestamp) as last by tenant, message
        | sort lines desc
      EOT
    }
    "slow answers" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        fields @timestamp, elapsed_ms, status, span.method, span.route, span.request_id
        | filter message = 'answered' and elapsed_ms > 5000
        | sort elapsed_ms desc
        | limit 200
      EOT
    }
    "time and errors by route" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        filter message = 'answered'
        | stats count() as answers, pct(elapsed_ms, 50) as p50, pct(elapsed_ms, 95) as p95, max(elapsed_ms) as longest,
            sum(status >= 400 and status < 500) as refused, sum(status >= 500) as failed by span.route
        | sort answers desc
      EOT
    }
    "one request" = {
      log   = module.compute.log_group_name
      query = <<-EOT
        fields @timestamp, level, message, code, error, status, elapsed_ms
        | filter span.request_id = 'THE REQUEST ID OF THE ANSWER'
        | sort @timestamp asc
      EOT
    }
    "callers that are refused" = {
      log   = module.api.access_log_group_name
      query = <<-EOT
        filter status >= 400
        | stats count() as requests, latest(@timestamp) as last by status, sourceIp, userAgent
        | sort requests desc
        | limit 100
      EOT
    }
  }
}

# A name with slashes shows as a folder.
resource "aws_cloudwatch_query_definition" "usual" {
  for_each = local.queries

  name            = "${local.name}/${each.key}"
  log_group_names = [each.value.log]
  query_string    = trimspace(each.value.query)
}

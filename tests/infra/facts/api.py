"""The public API, its alarms, and what the CLI reads."""

import json
import re

from facts.base import Facts, as_list

OUTPUTS = {
    "project",
    "environment",
    "region",
    "api_endpoint",
    "streaming_endpoint",
    "domain_targets",
    "egress_addresses",
    "client_address_header",
    "ecr_url",
    "ecr_repository_url",
    "ecr_repository_name",
    "cluster_name",
    "service_name",
    "task_definition_family",
    "task_definition_template_arn",
    "container_name",
    "cpu_architecture",
    "target_group_arn",
    "conversations_table_name",
    "tenants_table_name",
    "secrets_prefix",
    "secrets_policy_arn",
    "log_group_name",
    "access_log_group_name",
    "alarms_topic_arn",
    "alarm_targets",
    "bedrock_models",
    "dashboard_name",
    "access_policies",
    "access_role_arns",
    "autoscaling",
    "active_hours",
}


# What the router's lines have (router/src/http/middleware.rs and error.rs, and the tenant of a trouble), and the words of
# the query language.
LOG_FIELDS = {"level", "message", "code", "error", "tenant", "status", "elapsed_ms"}
LOG_FIELDS |= {f"span.{field}" for field in ("request_id", "method", "route")}
SYNTAX = {"fields", "filter", "sort", "limit", "stats", "by", "in", "and", "as", "asc", "desc"}


class Api(Facts):
    def api(self):
        state, var = self.state, self.var
        api = state.one("aws_apigatewayv2_api")
        self.same("protocol", api["protocol_type"], "HTTP")
        cors = api["cors_configuration"][0]
        self.same("CORS origins", list(cors["allow_origins"]), var["cors_allow_origins"])
        self.same("CORS methods", set(cors["allow_methods"]), {"GET", "POST", "OPTIONS"})
        self.true("CORS headers", {"authorization", "content-type"} <= set(cors["allow_headers"]))
        integration = state.one("aws_apigatewayv2_integration")
        self.same(
            "integration",
            (
                integration["integration_type"],
                integration["integration_method"],
                integration["connection_type"],
                integration["timeout_milliseconds"],
            ),
            ("HTTP_PROXY", "ANY", "VPC_LINK", 30000),
        )
        target = state.one("aws_lb_listener" if self.alb else "aws_service_discovery_service")
        self.same("integration target", integration["integration_uri"], target["arn"])
        self.same(
            "the caller's address",
            integration["request_parameters"],
            {"overwrite:header.x-t3nets-client-ip": "$context.identity.sourceIp"},
        )
        link = state.one("aws_apigatewayv2_vpc_link")
        self.same("VPC link subnets", set(link["subnet_ids"]), self.private)
        route = state.one("aws_apigatewayv2_route")
        self.same("route", (route["route_key"], route["target"]), ("$default", f"integrations/{integration['id']}"))
        stage = state.one("aws_apigatewayv2_stage")
        self.same("stage", (stage["name"], stage["auto_deploy"]), ("$default", True))
        limits = stage["default_route_settings"][0]
        self.same(
            "throttling",
            (limits["throttling_rate_limit"], limits["throttling_burst_limit"]),
            (var["throttling_rate_limit"], var["throttling_burst_limit"]),
        )
        log = state.one("aws_cloudwatch_log_group", arn=stage["access_log_settings"][0]["destination_arn"])
        self.same("access log retention", log["retention_in_days"], 14)
        self.true("access log has a request id", "requestId" in json.loads(stage["access_log_settings"][0]["format"]))
        self.same(
            "router log retention",
            state.one("aws_cloudwatch_log_group", name=f"/ecs/{self.name}-router")["retention_in_days"],
            var["log_retention_days"],
        )
        self.same("REST APIs", len(state.all("aws_api_gateway_rest_api")), int(self.streaming))
        streams = state.all("aws_api_gateway_integration")
        self.same("streaming integrations", len(streams), 2 if self.streaming else 0)
        for stream in streams:
            self.same("transfer mode", stream["response_transfer_mode"], "STREAM")
            self.same("stream target", stream["integration_target"], state.one("aws_lb")["arn"])
            self.same(
                "the caller's address, streaming",
                stream["request_parameters"]["integration.request.header.x-t3nets-client-ip"],
                "context.identity.sourceIp",
            )

        self._domain()

    def _domain(self):
        """Names of its own, each with a certificate, and pointed at the API where its zone is known."""
        state, var = self.state, self.var
        api, apis = state.one("aws_apigatewayv2_api"), {"domain_name": ("aws_apigatewayv2_api", "$default")}
        apis["streaming_domain_name"] = ("aws_api_gateway_rest_api", "stream")
        want = {var[key]: target for key, target in apis.items() if var.get(key)}
        names = {each["domain_name"]: each for each in state.all("aws_apigatewayv2_domain_name")}
        self.same("names", set(names), set(want))
        certificates = state.all("aws_acm_certificate")
        certificate = var.get("certificate_arn") or next((each["arn"] for each in certificates), None)
        self.same("certificates", len(certificates), int(bool(want) and not var.get("certificate_arn")))
        for name, (kind, stage) in want.items():
            configuration = names[name]["domain_name_configuration"][0]
            self.same(f"{name}: certificate", configuration["certificate_arn"], certificate)
            mapping = state.one("aws_apigatewayv2_api_mapping", domain_name=name)
            self.same(f"{name} leads to", (mapping["api_id"], mapping["stage"]), (state.one(kind)["id"], stage))
            target = configuration["target_domain_name"]
            self.same(f"{name}: what to point at", state.outputs["domain_targets"].get(name), target)
            records = [each["alias"][0]["name"] for each in state.all("aws_route53_record", name=name)]
            self.same(f"{name}: record", records, [target] if var.get("hosted_zone_id") else [])
        for each in [api, *state.all("aws_api_gateway_rest_api")]:
            self.same("AWS's own address is closed", each["disable_execute_api_endpoint"], not var.get("execute_api", True))

    def alarms(self):
        state, var = self.state, self.var
        topic = state.one("aws_sns_topic")
        self.same("topic", topic["name"], f"{self.name}-alarms")
        alarms = {a["alarm_name"].removeprefix(self.name + "-"): a for a in state.all("aws_cloudwatch_metric_alarm")}
        want = {f"{table}-{what}" for table in ("conversations", "tenants") for what in ("throttled", "failed")}
        want |= {"api-5xx", "api-latency", "router-model-throttled", "router-model-failed"}
        want |= {"router-cpu", "router-memory"}
        sleeps = bool(var.get("active_hours"))
        no_task = set() if sleeps else {"router-no-running-task"}
        want |= {"router-no-healthy-target", "router-5xx", "router-latency"} if self.alb else no_task
        want |= {"streaming-5xx"} if self.streaming else set()
        want |= {"nat-failed"} if var["egress"] == "nat_instance" else set()
        want |= self.backup_alarms()
        self.same("alarms", set(alarms), want)
        if self.alb:
            missing = alarms["router-no-healthy-target"]["treat_missing_data"]
            self.same("a service without tasks is", missing, "notBreaching" if sleeps else "breaching")
        told = {topic["arn"], *var.get("alarm_targets", [])}
        for name, alarm in alarms.items():
            restart = {f"arn:aws:automate:{var['region']}:ec2:reboot"} if name == "nat-failed" else set()
            self.same(f"{name} tells", set(alarm["alarm_actions"]), told | restart)
            self.same(f"{name} tells that it is over", set(alarm["ok_actions"]), told)
        self._failed_deployments(topic, told)
        self._dashboard([alarm["arn"] for alarm in alarms.values()])
        budget = var.get("monthly_budget_usd")
        self.same(
            "budgets",
            [float(b["limit_amount"]) for b in state.all("aws_budgets_budget")],
            [float(budget)] if budget else [],
        )
        tags = [c["values"] for b in state.all("aws_budgets_budget") for c in b["cost_filter"]]
        self.same(
            "budget's tags", tags, [[f"user:Environment${var['environment']}"]] if var.get("budget_by_tag") else []
        )
        self.same("keys", len(state.all("aws_kms_key")), int(var.get("customer_managed_key", False)))

    def _failed_deployments(self, topic, told):
        state = self.state
        rule = state.one("aws_cloudwatch_event_rule")
        self.same(
            "failed deployments",
            json.loads(rule["event_pattern"]),
            {
                "source": ["aws.ecs"],
                "detail-type": ["ECS Deployment State Change"],
                "resources": [state.one("aws_ecs_service")["id"]],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
        )
        targets = state.all("aws_cloudwatch_event_target", rule=rule["name"])
        self.same("failed deployments tell", {target["arn"] for target in targets}, told)
        statements = json.loads(state.one("aws_sns_topic_policy")["policy"])["Statement"]
        self.same(
            "who may publish",
            {(by, json.dumps(s["Condition"])) for s in statements for by in as_list(s["Principal"]["Service"])},
            {
                ("budgets.amazonaws.com", '{"StringEquals": {"aws:SourceAccount": "123456789012"}}'),
                ("cloudwatch.amazonaws.com", '{"StringEquals": {"aws:SourceAccount": "123456789012"}}'),
                ("events.amazonaws.com", json.dumps({"ArnEquals": {"aws:SourceArn": rule["arn"]}})),
            },
        )
        for key in state.all("aws_kms_key"):
            by = {
                json.dumps(s["Condition"])
                for s in json.loads(key["policy"])["Statement"]
                if "events.amazonaws.com" in as_list(s["Principal"].get("Service", []))
            }
            context = {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic["arn"]}}
            self.same("EventBridge may use the topic's key", by, {json.dumps(context)})

    def queries(self):
        """The saved queries ask the environment's own logs for what is in them."""
        logs = {
            self.state.outputs["log_group_name"]: LOG_FIELDS,
            self.state.outputs["access_log_group_name"]: set(
                json.loads(self.state.one("aws_apigatewayv2_stage")["access_log_settings"][0]["format"])
            ),
        }
        queries = self.state.all("aws_cloudwatch_query_definition")
        self.true("saved queries", len(queries) >= 7)
        for query in queries:
            name, text = query["name"], re.sub(r"'[^']*'", "", query["query_string"])
            self.true(f"{name}: its name", name.startswith(f"{self.name}/"))
            [log] = query["log_group_names"]
            asked = set(re.findall(r"(?<![\w.@])[a-z][\w.]*(?!\w*\()", text)) - SYNTAX - set(re.findall(r" as (\w+)", text))
            self.same(f"{name}: fields that the log does not have", asked - logs[log], set())

    def _dashboard(self, alarms):
        """Every alarm is on it, and at most 50 metrics are, which are free."""
        dashboard = self.state.one("aws_cloudwatch_dashboard")
        self.same("dashboard", dashboard["dashboard_name"], self.name)
        widgets = json.loads(dashboard["dashboard_body"])["widgets"]
        shown = [arn for widget in widgets for arn in widget["properties"].get("alarms", [])]
        self.same("alarms on the dashboard", sorted(shown), sorted(alarms))
        insights = "ECS/ContainerInsights" in dashboard["dashboard_body"]
        self.same("Container Insights, where paid for, are looked at", insights, self.var["container_insights"] != "disabled")
        metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
        self.true("at most 50 metrics", 20 < len(metrics) <= 50)
        for metric in metrics:
            *names, options = metric
            self.true(f"{metric} is well-formed", len(names) % 2 == 0 and all(names) and options["stat"])

    def outputs(self):
        out, state = self.state.outputs, self.state
        # A null output is not in a state at all.
        nullable = {"streaming_endpoint", "target_group_arn", "autoscaling", "active_hours"}
        self.same("outputs missing", OUTPUTS - set(out) - nullable, set())
        self.same("outputs unexpected", set(out) - OUTPUTS, set())
        name = self.var.get("domain_name")
        own = name and f"https://{name}"
        self.same("api_endpoint", out["api_endpoint"], own or state.one("aws_apigatewayv2_api")["api_endpoint"])
        self.true("no URL ends with a slash", not any(str(v).endswith("/") for v in out.values()))
        self.same("ecr_url", (out["ecr_url"], out["ecr_repository_url"]), (self.repository["repository_url"],) * 2)
        self.same(
            "names",
            [
                out[k]
                for k in (
                    "cluster_name",
                    "service_name",
                    "task_definition_family",
                    "conversations_table_name",
                    "tenants_table_name",
                    "secrets_prefix",
                    "container_name",
                )
            ],
            [
                f"{self.name}-cluster",
                f"{self.name}-router",
                f"{self.name}-router",
                f"{self.name}-conversations",
                f"{self.name}-tenants",
                f"/{self.var['project']}/{self.var['environment']}/tenants",
                "router",
            ],
        )
        self.same("secrets_policy_arn", out["secrets_policy_arn"], state.one("aws_iam_policy")["arn"])
        self.same("target_group_arn is there", out.get("target_group_arn") is not None, self.alb)
        self.same("streaming_endpoint is there", out.get("streaming_endpoint") is not None, self.streaming)

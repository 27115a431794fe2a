"""The task definition and the service that runs it."""

import json

from facts.base import Facts
from facts.permissions import CLAUDE, GEOGRAPHIES


class Service(Facts):
    def task(self):
        var, task = self.var, self.state.one("aws_ecs_task_definition")
        self.task_definition = task
        self.same("family", task["family"], f"{self.name}-router")
        self.same("size", (task["cpu"], task["memory"]), (str(var["cpu"]), str(var["memory"])))
        self.same("architecture", task["runtime_platform"][0]["cpu_architecture"], var["cpu_architecture"])
        self.same("network mode", task["network_mode"], "awsvpc")
        self.same("skip_destroy", task["skip_destroy"], True)
        [container] = json.loads(task["container_definitions"])
        self.same("container", container["name"], "router")
        self.same("image", container["image"], f"{self.repository['repository_url']}:bootstrap")
        self.same("port", [m["containerPort"] for m in container["portMappings"]], [8080])
        self.same(
            "health check",
            container["healthCheck"],
            {
                "command": ["CMD", "/usr/local/bin/t3nets-router", "healthcheck", "http://127.0.0.1:8080/health"],
                "interval": 30,
                "timeout": 5,
                "startPeriod": 10,
                "retries": 3,
            },
        )
        self.same("stopTimeout", container["stopTimeout"], 120)
        self.same("user", container["user"], "65532:65532")
        self.same("read-only root", container["readonlyRootFilesystem"], not var.get("execute_command", False))
        self.same("capabilities dropped", container["linuxParameters"]["capabilities"]["drop"], ["ALL"])
        self.same("log group", container["logConfiguration"]["options"]["awslogs-group"], f"/ecs/{self.name}-router")
        want = {
            "T3NETS_ENV": "aws",
            "AWS_REGION": var["region"],
            "BEDROCK_MODEL_ID": var.get("bedrock_model_id") or f"{GEOGRAPHIES[var['region']][0]}.{CLAUDE}",
            "DYNAMODB_CONVERSATIONS_TABLE": f"{self.name}-conversations",
            "DYNAMODB_TENANTS_TABLE": f"{self.name}-tenants",
            "SECRETS_PREFIX": f"/{var['project']}/{var['environment']}/tenants",
            "PORT": "8080",
            "RUST_LOG": var["log_filter"],
            "T3NETS_ADMIN_API": "true" if var["admin_api"] else "false",
            "T3NETS_PRODUCTION": "true" if var.get("production") or var["environment"] == "prod" else None,
            "T3NETS_ANONYMOUS_TENANT": var.get("anonymous_tenant"),
            "T3NETS_PRIVATE_RANGES": ",".join(var.get("private_ranges", [])) or None,
            "T3NETS_BUDGET_WEBHOOK": var.get("budget_webhook"),
            "T3NETS_PUBLIC_URL": var.get("public_url") or (f"https://{own}" if (own := var.get("domain_name")) else None),
            "T3NETS_OIDC_ISSUER": var.get("oidc_issuer"),
            "T3NETS_OIDC_AUDIENCE": var.get("oidc_audience"),
            "T3NETS_METRICS_ADDR": var.get("metrics_address"),
            **var.get("otel_environment", {}),
        }
        self.same(
            "environment",
            {e["name"]: e["value"] for e in container["environment"]},
            {k: v for k, v in want.items() if v is not None},
        )
        self.true("no secrets in the environment", "secrets" not in container)

    def service(self):
        var, state = self.var, self.state
        service, cluster = state.one("aws_ecs_service"), state.one("aws_ecs_cluster")
        self.same("service", service["name"], f"{self.name}-router")
        self.same("cluster", cluster["name"], f"{self.name}-cluster")
        self.same(
            "insights",
            [(s["name"], s["value"]) for s in cluster["setting"]],
            [("containerInsights", var["container_insights"])],
        )
        self.same("desired count", service["desired_count"], var["desired_count"])
        self.same(
            "rolling",
            (service["deployment_minimum_healthy_percent"], service["deployment_maximum_percent"]),
            (100, 200),
        )
        self.same("circuit breaker", service["deployment_circuit_breaker"], [{"enable": True, "rollback": True}])
        self.same("waits for a steady state", service["wait_for_steady_state"], False)
        self.same("ECS Exec", service["enable_execute_command"], var.get("execute_command", False))
        self.same(
            "capacity",
            [c["capacity_provider"] for c in service["capacity_provider_strategy"]],
            ["FARGATE_SPOT" if var.get("fargate_spot") else "FARGATE"],
        )
        network = service["network_configuration"][0]
        in_public = var["egress"] == "public"
        self.same("task subnets", set(network["subnets"]), self.public if in_public else self.private)
        self.same("public addresses of tasks", network["assign_public_ip"], in_public)
        self.same("load balancers of the service", len(service["load_balancer"]), int(self.alb))
        self.same("registries of the service", len(service["service_registries"]), int(not self.alb))
        self.router_group = network["security_groups"][0]
        targets, policies = state.all("aws_appautoscaling_target"), state.all("aws_appautoscaling_policy")
        most = var.get("autoscaling_max_count")
        self.same(
            "autoscaling",
            [(t["min_capacity"], t["max_capacity"]) for t in targets],
            [(var["desired_count"], most)] if most else [],
        )
        self._active_hours(service, cluster)
        self.same("autoscaling policies", len(policies), 0 if not most else 2 if self.alb else 1)

    def _active_hours(self, service, cluster):
        """The count is set in the morning and in the evening, by somebody who may do nothing else."""
        hours, schedules = self.var.get("active_hours"), self.state.all("aws_scheduler_schedule")
        self.same("schedules", len(schedules), 2 if hours else 0)
        for schedule in schedules:
            [target] = schedule["target"]
            wakes = schedule["name"] == f"{self.name}-router-wake"
            hour, minute = map(int, hours["from" if wakes else "to"].split(":"))
            self.same(
                schedule["name"],
                (schedule["schedule_expression"], schedule["schedule_expression_timezone"]),
                (f"cron({minute} {hour} ? * {','.join(sorted(hours['days']))} *)", hours["time_zone"]),
            )
            count = self.var["desired_count"] if wakes else 0
            self.same(
                f"{schedule['name']} sets",
                (target["arn"].rsplit(":", 2)[1:], json.loads(target["input"])),
                (
                    ["ecs", "updateService"],
                    {"Cluster": cluster["name"], "Service": service["name"], "DesiredCount": count},
                ),
            )
            [role] = self.state.all("aws_iam_role", arn=target["role_arn"])
            [statement] = json.loads(self.state.one("aws_iam_role_policy", role=role["id"])["policy"])["Statement"]
            self.same(
                f"{schedule['name']} may",
                (statement["Action"], statement["Resource"]),
                ("ecs:UpdateService", service["id"]),
            )

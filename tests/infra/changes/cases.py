"""What is changed, as variables of infra/aws. Every variable is here, and each pair of which one
needs the other. Those that are changed together do the same.
"""

from dataclasses import dataclass, field

NEW_REPOSITORY = "-replace=terraform_data.repository_has_own_key"
AUTOSCALING = {"autoscaling_max_count": 3}
REPOSITORY = "module.ecr.aws_ecr_repository.router"
KEY = "aws_kms_key.environment[0]"
NETWORKING = "module.networking"
COMPUTE = "module.compute"
BACKUPS = {"aws_backup_vault.tables[0]", "aws_iam_role.backup[0]", "aws_iam_role_policy_attachment.backup[0]"}
WORKING_HOURS = {"from": "08:00", "to": "18:00", "days": ["MON", "FRI"], "time_zone": "UTC"}


@dataclass
class Change:
    """Variables with their new values, on dev with `given`. `removes` are addresses of what is else
    kept and may go when they are taken back. `only_tags` says that it changes nothing but tags.
    """

    variables: dict
    given: dict = field(default_factory=dict)
    removes: set = field(default_factory=set)
    only_tags: bool = False


CHANGES = [
    Change({"tags": {"CostCenter": "42"}}, only_tags=True),
    Change({"nat_gateway_per_zone": True}, removes={f"{NETWORKING}.aws_nat_gateway.this[1]", f"{NETWORKING}.aws_eip.nat[1]"}),
    Change({"interface_endpoints": ["logs"]}, removes={f"{NETWORKING}.aws_security_group.endpoints[0]"}),
    Change({"egress_ports": [443, 8443]}),
    Change({"flow_logs": True}, removes={f"{NETWORKING}.aws_cloudwatch_log_group.flow", f"{NETWORKING}.aws_iam_role"}),
    Change({"deletion_protection": True}),
    Change({"point_in_time_recovery": True}),
    Change({"backup": {"monthly_days": 0}}, removes=BACKUPS),
    Change({"ecr_force_delete": False}),
    Change({"cpu": 512, "memory": 1024}),
    Change({"cpu_architecture": "ARM64"}),
    Change({"fargate_spot": True}),
    Change({"desired_count": 2}),
    Change(AUTOSCALING),
    Change({"desired_count": 2}, given=AUTOSCALING),
    Change({"autoscaling_cpu_percent": 50, "autoscaling_requests_per_task": 500}, given=AUTOSCALING),
    Change({"active_hours": WORKING_HOURS}, removes={f"{COMPUTE}.aws_iam_role.active_hours", f"{COMPUTE}.aws_iam_role_policy.active_hours"}),
    Change({"container_insights": "enabled"}),
    Change({"execute_command": True}),
    Change({"cors_allow_origins": ["https://chat.example.com"]}),
    Change({"throttling_rate_limit": 100, "throttling_burst_limit": 200}),
    Change({"streaming_front": True}),
    Change({"log_retention_days": 30, "access_log_retention_days": 30}),
    Change({"alarm_emails": ["operator@example.com"]}),
    Change({"alarm_targets": ["arn:aws:sns:us-east-1:111122223333:pager"]}),
    Change({"alarm_latency_p95_seconds": 15}),
    Change({"monthly_budget_usd": 200, "budget_by_tag": True}),
    Change({"bedrock_model_id": "us.amazon.nova-pro-v1:0"}),
    Change({"bedrock_allowed_models": ["us.anthropic.*"], "bedrock_guardrails": ["gr1a2b3c4d5e"]}),
    Change({"admin_api": False}),
    Change(
        {"access": {"subjects": {"deploy": ["repo:acme/t3nets:environment:dev"]}}},
        removes={f"module.access.aws_iam_role{part}" for part in ('.access["deploy"]', "_policy", )} | {"module.access.aws_iam_openid_connect_provider.issuer[0]"},
    ),
    Change({"permissions_boundary": "arn:aws:iam::123456789012:policy/boundary"}),
    Change(
        {
            "anonymous_tenant": "guests",
            "private_ranges": ["10.20.0.0/16"],
            "budget_webhook": "https://hooks.example.com/budgets",
            "public_url": "https://t3nets.example.com",
            "oidc_issuer": "https://issuer.example.com",
            "oidc_audience": "t3nets",
            "log_filter": "debug",
            "metrics_address": "127.0.0.1:9090",
            "otel_environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"},
        }
    ),
]


@dataclass
class Step:
    """One apply of several. `removes` are addresses of what is else kept and may go with it."""

    variables: dict
    options: tuple = ()
    removes: set = field(default_factory=set)


@dataclass
class Steps:
    """A change in several applies, one after the other, of an environment's variables. Those of
    `refused` are what an operator could do at once instead, before the first step.
    """

    steps: list
    tfvars: str = "dev.tfvars"
    given: dict = field(default_factory=dict)
    refused: list = field(default_factory=list)


def swap(name, now, new, removes=(), first=None, last=None):
    """The three applies from one way to another; `first` is said with the first two, `last` with the
    last.
    """
    beside, first = f"{name}_beside", first or {}
    return [
        Step({name: now, beside: new, **first}),
        Step({name: new, beside: now, **first}),
        Step({name: new, **(last or {})}, removes=set(removes)),
    ]


ALB = {"module.compute.aws_lb.router[0]", "module.compute.aws_security_group.alb[0]"}
NAT_GATEWAYS = {f"{NETWORKING}.aws_nat_gateway", f"{NETWORKING}.aws_eip"}
NAT_INSTANCE = {f"{NETWORKING}.{kind}" for kind in ("aws_instance", "aws_eip.nat_instance", "aws_security_group.nat[0]")}
PER_ZONE = {"nat_gateway_per_zone": True}

SEVERAL = [
    Steps(
        [*swap("front", "alb", "cloud_map", ALB), *swap("front", "cloud_map", "alb")],
        given=AUTOSCALING,
        refused=[{"front": "cloud_map"}, {"front": "cloud_map", "front_beside": "alb"}],
    ),
    Steps(
        swap("egress", "nat_gateway", "nat_instance", NAT_GATEWAYS, PER_ZONE, {"nat_gateway_per_zone": False}),
        given=PER_ZONE,
        refused=[{"egress": "nat_instance"}, {"egress": "nat_instance", "egress_beside": "nat_gateway"}],
    ),
    Steps(
        [
            *swap("egress", "nat_gateway", "public", NAT_GATEWAYS),
            *swap("egress", "public", "nat_instance"),
            *(
                Step({"egress": "nat_instance", **step.variables}, removes=step.removes)
                for step in swap("nat_instance", "a", "b", {f'{NETWORKING}.aws_instance.nat["a"]'})
            ),
            *(
                Step({"nat_instance": "b", **step.variables}, removes=step.removes)
                for step in swap("egress", "nat_instance", "nat_gateway", NAT_INSTANCE)
            ),
        ],
        refused=[{"nat_instance": "b"}, {"egress": "public"}, {"egress": "public", "egress_beside": "nat_gateway"}],
    ),
    Steps(
        [
            Step({"customer_managed_key": True}),
            Step({"customer_managed_key": False}, removes={KEY}),
            Step({"customer_managed_key": True}),
            Step({"customer_managed_key": True}, (NEW_REPOSITORY,), {REPOSITORY}),
            Step({"customer_managed_key": False}),
            Step({"customer_managed_key": False}, (NEW_REPOSITORY,), {REPOSITORY, KEY}),
        ],
        given={"flow_logs": True},
    ),
    Steps(
        [
            Step({"customer_managed_key": False, "keep_unused_key": True}),
            # It is production all the same: it is called so.
            Step({"customer_managed_key": False, "delete_production_key": True, "production": False}),
            Step(
                {"customer_managed_key": False, "delete_production_key": True, "production": False},
                (NEW_REPOSITORY,),
                {REPOSITORY, KEY},
            ),
        ],
        tfvars="prod.tfvars",
        refused=[{"customer_managed_key": False}],
    ),
]

# Vault and role stay until the last backup has expired.
SEVERAL.append(
    Steps(
        [
            Step({"backup": {}}),
            Step({"backup": {"daily_days": 0, "monthly_days": 0}}),
            Step({"backup": None}, removes=BACKUPS),
        ],
        refused=[{"backup": {"force_destroy": True}, "deletion_protection": True}],
    )
)

DOMAIN = {"domain_name": "chat.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
CERTIFICATE = {"certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/9d0cbd6c"}
OTHER_DOMAIN = {**DOMAIN, "domain_name": "ask.example.com"}
STREAMING = {"streaming_front": True, "streaming_domain_name": "stream.example.com"}
CLOSED = {"execute_api": False}
SEVERAL.append(
    Steps(
        [
            Step(DOMAIN),
            Step({**DOMAIN, **STREAMING, **CLOSED}),
            Step({**DOMAIN, **STREAMING, **CLOSED, **CERTIFICATE}),
            Step({**OTHER_DOMAIN, **STREAMING, **CLOSED, **CERTIFICATE}, removes={"module.api.aws_apigatewayv2_domain_name"}),
        ],
        refused=[{"domain_name": "chat.example.com"}],
    )
)

# A VPC that is there already: see ../provider/existing.py.
EXISTING = {
    "vpc_id": "vpc-0e1a2b3c4d5e6f708",
    "private_subnet_ids": ["subnet-0a1", "subnet-0a2"],
    "public_subnet_ids": ["subnet-0b1", "subnet-0b2"],
    "egress": "existing",
}
SEVERAL.append(
    Steps(
        swap("egress", "existing", "public"),
        given=EXISTING,
        refused=[
            {"vpc_id": None, "private_subnet_ids": [], "public_subnet_ids": [], "egress": "nat_gateway"},
            {"private_subnet_ids": ["subnet-0a1", "subnet-0b2"]},
            {"egress": "public"},
        ],
    )
)

# Whose state this is, and where: never changed.
NEVER = [
    {"environment": "other"},
    {"project": "other"},
    {"region": "us-west-2"},
    {"vpc_cidr": "10.1.0.0/16"},
    {"public_subnet_cidrs": ["10.0.3.0/24", "10.0.4.0/24"]},
    {"private_subnet_cidrs": ["10.0.12.0/24", "10.0.13.0/24"]},
    EXISTING,
    {"role_path": "/t3nets/"},
]


def changed():
    """The names of all variables that are changed here."""
    changes = [change.variables for change in CHANGES]
    changes += [step.variables for several in SEVERAL for step in several.steps]
    return {name for each in changes for name in each}


def never_changed():
    """The names of those that never are."""
    return {name for variables in NEVER for name in variables} - changed()

#!/usr/bin/env python3
"""That the stand-in for AWS refuses what AWS or its provider would refuse: each rule's kind, once
broken and once kept. And that it knows of every resource in infra/ what replaces it.

Prints what is wrong; exit 0 or 1. Runs with the provider's own Python packages.
"""

import json
import sys
from pathlib import Path

from terraform import provider_python

provider_python(__file__)
import behaviour  # noqa: E402
import rules  # noqa: E402
import schema  # noqa: E402


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def task(**container):
    return {
        "family": "router",
        "requires_compatibilities": ["FARGATE"],
        "network_mode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "execution_role_arn": "arn:aws:iam::123456789012:role/router",
        "container_definitions": json.dumps([{"name": "router", "image": "router:1", **container}]),
    }


TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/tenants"
KEY = {"name": "tenants", "hash_key": "pk", "billing_mode": "PAY_PER_REQUEST"}
# A type, its configuration, and what the finding says; None if there must be none.
CASES = [
    ("aws_vpc", {"cidr_block": "10.0.0.0/16"}, None),
    ("aws_vpc", {"cidr_block": "10.0.0.0/8"}, "must be /16 to /28"),
    ("aws_cloudwatch_log_group", {"name": "/ecs/router", "retention_in_days": 15}, "expected one of"),
    ("aws_cloudwatch_event_rule", {"name": "failed", "event_pattern": "{source: aws.ecs}"}, "is not JSON"),
    ("aws_lb_target_group", {"target_type": "ip", "health_check": [{"interval": 4}]}, "expected 5 to 300"),
    ("aws_lb_target_group", {"target_type": "ip", "vpc_id": "v", "port": 80}, "protocol must be set"),
    ("aws_lb", {"name": "internal-router", "subnets": ["a", "b"]}, "not internal-"),
    ("aws_lb", {"name": "router", "subnets": ["a"]}, "two zones"),
    ("aws_lb_listener", {"protocol": "HTTPS", "port": 443}, "needs certificate_arn"),
    ("aws_route", {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "a"}, None),
    ("aws_route", {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "a", "nat_gateway_id": "b"}, "exactly one of"),
    ("aws_dynamodb_table", {**KEY, "attribute": [{"name": "pk", "type": "S"}]}, None),
    ("aws_dynamodb_table", {**KEY, "attribute": []}, "has no attribute block"),
    ("aws_ecs_task_definition", task(), None),
    ("aws_ecs_task_definition", {**task(), "memory": "4096"}, "not a size of FARGATE"),
    ("aws_ecs_task_definition", task(ports=[8080]), "unknown key 'ports'"),
    ("aws_ecs_task_definition", task(healthCheck={"command": ["true"]}), "begins with CMD"),
    ("aws_iam_role_policy", {"name": "router", "policy": policy(Action="dynamodb:GetItem", Resource=TABLE)}, None),
    ("aws_iam_role_policy", {"policy": policy(Action="dynamodb:GetItm", Resource=TABLE)}, "not an action that AWS"),
    (
        "aws_iam_role_policy",
        {"policy": policy(Action="ecr:GetAuthorizationToken", Resource=TABLE)},
        "takes no resource",
    ),
    ("aws_iam_role", {"name": "router", "assume_role_policy": policy(Action="sts:AssumeRole")}, "needs a Principal"),
    ("aws_apigatewayv2_route", {"route_key": "default"}, "$default or"),
]


def behaviour_problems():
    """What is missing or misspelt in the facts of the provider's behaviour."""
    infra = Path(__file__).resolve().parents[2] / "infra"
    resources = schema.everything()["resources"]
    for kind in sorted(schema.types_in(infra, "resource") - behaviour.FACTS.keys()):
        yield f"{kind}: what replaces it is not in behaviour-*.json"
    for kind, facts in behaviour.FACTS.items():
        named = [*facts["replaces"], *facts.get("drops_empty", []), *facts.get("one_of", [])]
        named += [name for key in ("replaces_if", "replaces_unless") for name in facts.get(key, {})]
        for path in named:
            short, *inner = resources[kind], *path.split(".")
            for step in inner[:-1]:
                short = short.get("b", {}).get(step, [None, None, None, {"a": {}}])[3]
            if inner[-1] not in {*short["a"], *short.get("b", {})}:
                yield f"{kind}: {path} is not in the schema"


def main():
    wrong = list(behaviour_problems())
    for kind, configuration, wanted in CASES:
        found = [text for _, text, _ in rules.check(kind, configuration)]
        if not (any(wanted in text for text in found) if wanted else not found):
            wrong.append(f"{kind} {configuration}: found {found}, expected {wanted!r}")
    for problem in wrong:
        print(f"FAIL rules: {problem}")
    print(f"ok: {len(CASES)} cases" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

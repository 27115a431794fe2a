"""Rules on several values of a resource, by its type. A rule tells of a finding by calling
`error(text, path)`.
"""

import json
import re

from rules.containers import check_containers
from rules.values import at
from wire import Unknown

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
FARGATE_SIZES = {
    256: [512, 1024, 2048],
    512: [1024 * gib for gib in range(1, 5)],
    1024: [1024 * gib for gib in range(2, 9)],
    2048: [1024 * gib for gib in range(4, 17)],
    4096: [1024 * gib for gib in range(8, 31)],
    8192: [4096 * step for step in range(4, 16)],
    16384: [8192 * step for step in range(4, 16)],
}
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
COUNT_TYPES = {"imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"}
SELECTION_KEYS = {
    "tagStatus",
    "tagPrefixList",
    "tagPatternList",
    "storageClass",
    "countType",
    "countUnit",
    "countNumber",
}


def blocks(value):
    """The blocks of a list that is known."""
    return [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []


def a_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def dynamodb_table(table, error):
    keys = [table.get("hash_key"), table.get("range_key")]
    for index in blocks(table.get("global_secondary_index")):
        keys += [index.get("hash_key"), index.get("range_key")]
    if isinstance(table.get("attribute"), Unknown) or any(isinstance(key, Unknown) for key in keys):
        return
    keys, attributes = {key for key in keys if key}, list(at(table, "attribute.name"))
    if len(set(attributes)) != len(attributes):
        error("an attribute is declared twice", ["attribute"])
    for key in sorted(keys - set(attributes)):
        error(f"the key {key!r} has no attribute block", ["attribute"])
    for key in sorted(set(attributes) - keys):
        error(f"the attribute {key!r} is no key of the table or of an index", ["attribute"])
    for ttl in blocks(table.get("ttl")):
        if ttl.get("enabled") is True and not ttl.get("attribute_name"):
            error("ttl is enabled without attribute_name", ["ttl"])
    capacity = table.get("read_capacity"), table.get("write_capacity")
    if table.get("billing_mode") in (None, "PROVISIONED"):
        if None in capacity:
            error("PROVISIONED needs read_capacity and write_capacity", ["billing_mode"])
    elif any(capacity):
        error("read_capacity and write_capacity do not go with PAY_PER_REQUEST", ["billing_mode"])


def lb(balancer, error):
    subnets = balancer.get("subnets")
    if subnets is None and not balancer.get("subnet_mapping"):
        error("one of subnets and subnet_mapping must be set", ["subnets"])
    known = isinstance(subnets, list) and not any(isinstance(subnet, Unknown) for subnet in subnets)
    if known and balancer.get("load_balancer_type") in (None, "application") and len(subnets) < 2:
        error("an application load balancer needs subnets in two zones", ["subnets"])


def lb_listener(listener, error):
    for action in blocks(listener.get("default_action")):
        if action.get("type") == "forward" and action.get("target_group_arn") is None and not action.get("forward"):
            error("a forward action needs target_group_arn", ["default_action"])
        for kind in ("redirect", "fixed_response"):
            if action.get("type") == kind.replace("_", "-") and not action.get(kind):
                error(f"a {kind} action needs its block", ["default_action"])
    if listener.get("protocol") in ("HTTPS", "TLS") and listener.get("certificate_arn") is None:
        error(f"{listener['protocol']} needs certificate_arn", ["protocol"])


def lb_target_group(group, error):
    if group.get("target_type") != "lambda":
        for name in ("port", "protocol", "vpc_id"):
            if group.get(name) is None:
                error(f"{name} must be set unless target_type is lambda", [name])
    for check in blocks(group.get("health_check")):
        timeout, interval = check.get("timeout"), check.get("interval")
        if a_number(timeout) and a_number(interval) and timeout >= interval:
            error("health_check.timeout must be smaller than interval", ["health_check"])


def ecs_task_definition(definition, error):
    fargate = "FARGATE" in at(definition, "requires_compatibilities[]")
    if fargate:
        if definition.get("network_mode") != "awsvpc":
            error("FARGATE needs network_mode awsvpc", ["network_mode"])
        if definition.get("execution_role_arn") is None:
            error("FARGATE with images of ECR or awslogs needs execution_role_arn", ["execution_role_arn"])
        cpu, memory = definition.get("cpu"), definition.get("memory")
        if cpu is None or memory is None:
            error("FARGATE needs cpu and memory", ["cpu"])
        elif not isinstance(cpu, Unknown) and not isinstance(memory, Unknown):
            if int(memory) not in FARGATE_SIZES.get(int(cpu), []):
                error(f"cpu {cpu} with memory {memory} is not a size of FARGATE", ["cpu"])
    for text in at(definition, "container_definitions"):
        for problem in check_containers(text, fargate):
            error(problem, ["container_definitions"])


def ecs_service(service, error):
    if service.get("launch_type") == "FARGATE" and not service.get("network_configuration"):
        error("FARGATE needs network_configuration", ["network_configuration"])
    least, most = service.get("deployment_minimum_healthy_percent"), service.get("deployment_maximum_percent")
    if a_number(least) and a_number(most) and most <= least:
        error(
            "deployment_maximum_percent must be above deployment_minimum_healthy_percent",
            ["deployment_maximum_percent"],
        )
    if isinstance(service.get("launch_type"), str) and blocks(service.get("capacity_provider_strategy")):
        error("launch_type and capacity_provider_strategy exclude each other", ["launch_type"])


def ecr_lifecycle_policy(policy, error):
    tell = lambda text: error(text, ["policy"])
    for text in at(policy, "policy"):
        try:
            rules = json.loads(text)["rules"]
        except (ValueError, KeyError, TypeError):
            tell("policy is not JSON with rules")
            continue
        priorities = [rule.get("rulePriority") for rule in rules]
        if len(set(priorities)) != len(priorities) or not all(isinstance(p, int) and p >= 1 for p in priorities):
            tell(f"rulePriority must be unique whole numbers from 1, not {priorities}")
        for rule in rules:
            selection = rule.get("selection", {})
            unknown = rule.keys() - {"rulePriority", "description", "selection", "action"}
            for key in sorted(unknown | (selection.keys() - SELECTION_KEYS)):
                tell(f"a rule has the unknown key {key!r}")
            tagged = selection.get("tagStatus")
            if tagged not in ("tagged", "untagged", "any"):
                tell(f"tagStatus {tagged!r} is not tagged, untagged or any")
            if tagged == "tagged" and not (selection.get("tagPrefixList") or selection.get("tagPatternList")):
                tell("tagStatus tagged needs tagPrefixList or tagPatternList")
            counted = selection.get("countType")
            if counted not in COUNT_TYPES:
                tell(f"countType {counted!r} is not one of {', '.join(sorted(COUNT_TYPES))}")
            if (counted != "imageCountMoreThan") != ("countUnit" in selection):
                tell("countUnit goes with the since… count types, and only with them")
            if not isinstance(selection.get("countNumber"), int) or selection["countNumber"] < 1:
                tell(f"countNumber {selection.get('countNumber')!r} is not a number from 1")
            if rule.get("action", {}).get("type") not in ("expire", "transition"):
                tell("action.type is neither expire nor transition")


def apigatewayv2_api(api, error):
    tell = lambda text: error(text, ["cors_configuration"])
    for cors in blocks(api.get("cors_configuration")):
        origins = list(at(cors, "allow_origins[]"))
        if cors.get("allow_credentials") is True and "*" in origins:
            tell("allow_credentials does not go with allow_origins *")
        for origin in origins:
            if origin != "*" and not re.match(r"https?://", origin):
                tell(f"the origin {origin!r} must be * or begin with http(s)://")
        for method in at(cors, "allow_methods[]"):
            if method not in ("*", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
                tell(f"{method!r} is not a method")
        if api.get("protocol_type") == "WEBSOCKET":
            tell("cors_configuration is for HTTP APIs")


def apigatewayv2_integration(integration, error):
    kind, connection = integration.get("integration_type"), integration.get("connection_type")
    if kind in ("HTTP", "HTTP_PROXY", "AWS") and integration.get("integration_method") is None:
        error(f"{kind} needs integration_method", ["integration_method"])
    if kind != "MOCK" and integration.get("integration_uri") is None and integration.get("integration_subtype") is None:
        error(f"{kind} needs integration_uri", ["integration_uri"])
    if connection == "VPC_LINK":
        if integration.get("connection_id") is None:
            error("VPC_LINK needs connection_id", ["connection_id"])
        uri = integration.get("integration_uri")
        target = r"arn:aws[\w-]*:(elasticloadbalancing:.*:listener/|servicediscovery:.*:service/)"
        if isinstance(uri, str) and not re.match(target, uri):
            error(f"VPC_LINK takes the ARN of a listener or of a Cloud Map service, not {uri!r}", ["integration_uri"])
    elif integration.get("connection_id") is not None and not isinstance(connection, Unknown):
        error("connection_id needs connection_type VPC_LINK", ["connection_id"])
    if kind == "HTTP_PROXY" and integration.get("payload_format_version") == "2.0":
        error("HTTP_PROXY takes payload_format_version 1.0", ["payload_format_version"])


def apigatewayv2_route(route, error):
    if route.get("authorization_type") in ("JWT", "CUSTOM") and route.get("authorizer_id") is None:
        error(f"authorization_type {route['authorization_type']} needs authorizer_id", ["authorizer_id"])


def apigatewayv2_stage(stage, error):
    tell = lambda text: error(f"access_log_settings.{text}", ["access_log_settings"])
    for settings in blocks(stage.get("access_log_settings")):
        target, format = settings.get("destination_arn"), settings.get("format")
        if isinstance(target, str) and not re.match(
            r"arn:[\w-]+:(logs:[\w-]*:\d*:log-group:[^:]+|firehose:.*)$", target
        ):
            tell(f"destination_arn must be a log group's ARN without :*, not {target!r}")
        if isinstance(format, str) and "\n" in format.strip():
            tell("format must be one line")
        if isinstance(format, str) and not re.search(r"\$context\.(extendedR|r)equestId", format):
            tell("format must have $context.requestId")


def nat_gateway(gateway, error):
    if gateway.get("connectivity_type") in (None, "public") and gateway.get("allocation_id") is None:
        error("a public NAT gateway needs allocation_id", ["allocation_id"])


RESOURCES = {
    f"aws_{rule.__name__}": rule
    for rule in (
        apigatewayv2_api,
        apigatewayv2_integration,
        apigatewayv2_route,
        apigatewayv2_stage,
        dynamodb_table,
        ecr_lifecycle_policy,
        ecs_service,
        ecs_task_definition,
        lb,
        lb_listener,
        lb_target_group,
        nat_gateway,
    )
}

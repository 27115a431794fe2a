"""What must not happen while an environment is changed: each rule looks at the resources before and
after, and at what was done in which order.
"""

import json

# Data, addresses that others know, and what every chat passes: taken away or replaced only where a
# case names it.
KEPT = {
    "aws_apigatewayv2_api",
    "aws_apigatewayv2_domain_name",
    "aws_apigatewayv2_integration",
    "aws_apigatewayv2_route",
    "aws_apigatewayv2_stage",
    "aws_apigatewayv2_vpc_link",
    "aws_backup_vault",
    "aws_cloudwatch_log_group",
    "aws_dynamodb_table",
    "aws_ecr_repository",
    "aws_ecs_cluster",
    "aws_ecs_service",
    "aws_eip",
    "aws_iam_policy",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_instance",
    "aws_internet_gateway",
    "aws_kms_key",
    "aws_lb",
    "aws_nat_gateway",
    "aws_security_group",
    "aws_sns_topic",
    "aws_subnet",
    "aws_vpc",
}
# Their `arn` is what they point at, not their own.
POINTING = {"aws_cloudwatch_event_target", "aws_sns_topic_policy"}
SERVICE = "module.compute.aws_ecs_service.router"
INTEGRATION = "module.api.aws_apigatewayv2_integration.router"
NETWORKING = "module.networking"
ROUTES = f"{NETWORKING}.aws_route.private"
# What requests pass between a load balancer and the tasks.
BALANCED_BY = (
    "module.compute.aws_lb_listener.",
    "module.compute.aws_vpc_security_group_egress_rule.alb_to_router",
    "module.compute.aws_vpc_security_group_ingress_rule.router_from_alb",
)
BACKUP_ROLE = ("aws_iam_role.backup", "aws_iam_role_policy_attachment.backup")
WAYS_OUT = (ROUTES, *(f"{NETWORKING}.aws_{kind}" for kind in ("nat_gateway", "instance", "eip")))


def kind(address):
    return next(part for part in address.split(".") if part.startswith("aws_"))


def harm(before, after, operations, removes):
    """What went wrong."""
    deleted = [address for action, address in operations if action == "delete"]
    for address in deleted:
        if kind(address) in KEPT and not any(address.startswith(allowed) for allowed in removes):
            yield f"{address} is {'replaced' if address in after else 'deleted'}"
    yield from in_use(before, after, operations)
    yield from requests(before, after)
    yield from left_first(before, after, operations)
    yield from way_out(before, after, deleted)
    yield from expiring(deleted)


def in_use(before, after, operations):
    """What was deleted while something still referred to it."""
    written = {address: json.dumps(values) for address, values in before.items()}
    for position, (action, address) in enumerate(operations):
        if action != "delete":
            continue
        done = {other for _, other in operations[:position]}
        gone = before[address]
        # One of the same name comes in its place.
        if address in after and gone.get("arn") == after[address].get("arn"):
            continue
        arn = None if kind(address) in POINTING else gone.get("arn")
        names = {arn} if gone["id"] in (gone.get("name"), gone.get("family")) else {arn, gone["id"]}
        for other, values in written.items():
            if other != address and other not in done and any(json.dumps(name) in values for name in names - {None}):
                yield f"{address} is deleted while {other} refers to it"


def registered(service):
    """Where a service's tasks can be reached: target groups and Cloud Map services."""
    groups = {each["target_group_arn"] for each in service["load_balancer"]}
    return groups | {each["registry_arn"] for each in service["service_registries"]}


def targets(resources):
    """What the HTTP API's integration leads to."""
    uri = resources[INTEGRATION]["integration_uri"]
    for values in resources.values():
        if values.get("arn") == uri and "default_action" in values:
            return {values["default_action"][0]["target_group_arn"]}
    return {uri}


def requests(before, after):
    """Requests must find tasks: those that run while the API changes over, and after the tasks."""
    if not targets(after) <= registered(before[SERVICE]):
        yield "requests go where no task was registered before"
    if not targets(before) <= registered(after[SERVICE]):
        yield "tasks leave where requests went until now"


def left_first(before, after, operations):
    """Tasks that go elsewhere must have gone when what they stood on goes."""
    old, new = before[SERVICE], after[SERVICE]
    leaves = registered(old) - registered(new)
    moves = old["network_configuration"][0]["subnets"] != new["network_configuration"][0]["subnets"]
    if (leaves or moves) and not new["wait_for_steady_state"]:
        yield "the apply does not wait for the tasks that it moves"
    order = [address for _, address in operations]
    for address in order[: order.index(SERVICE)] if leaves else []:
        if address.startswith(BALANCED_BY):
            yield f"{address} goes while tasks are in the load balancer, which then calls them unhealthy"


def expiring(deleted):
    """AWS Backup deletes what has expired as the role that made it: the role must outlive the vault, which AWS may refuse to
    delete.
    """
    vaults = [position for position, address in enumerate(deleted) if kind(address) == "aws_backup_vault"]
    for position, address in enumerate(deleted):
        if address.startswith(BACKUP_ROLE) and any(position < vault for vault in vaults):
            yield f"{address} goes before the vault whose backups it deletes"


def way_out(before, after, deleted):
    """Tasks must reach the models: the old ones, too, which an apply does not wait for."""
    subnets = [set(each[SERVICE]["network_configuration"][0]["subnets"]) for each in (before, after)]
    private = {values["id"] for address, values in after.items() if address.startswith(f"{NETWORKING}.aws_subnet.private")}
    if subnets[0] != subnets[1] and any(address.startswith(WAYS_OUT) for address in deleted):
        yield "the tasks' way out is taken away while they move"
    if any(address.startswith(ROUTES) for address in deleted) and subnets[0] & private:
        yield "the private subnets' route is deleted while tasks are there"
    interfaces = {values.get("primary_network_interface_id") for values in before.values()}
    for address, values in after.items():
        new = values.get("network_interface_id") if address.startswith(ROUTES) else None
        changed = address in before and new != before[address].get("network_interface_id")
        if new and changed and new not in interfaces:
            yield f"{address} leads to an instance that has only just been started"

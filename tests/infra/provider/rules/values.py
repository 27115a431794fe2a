"""Rules on one value, by type and path. A rule takes the value and gives (severity, text) of each
finding.
"""

import ipaddress
import json
import re

from rules.policies import policy
from wire import Unknown


def one_of(*allowed):
    def rule(value):
        if value not in allowed:
            yield "error", f"is {value!r}; expected one of {', '.join(map(str, allowed))}"

    return rule


def between(least, most):
    def rule(value):
        if not least <= float(value) <= most:
            yield "error", f"is {value}; expected {least} to {most}"

    return rule


def matches(pattern, what):
    def rule(value):
        if value != "" and not re.fullmatch(pattern, value):
            yield "error", f"is {value!r}; expected {what}"

    return rule


def network(least=0, most=32):
    def rule(value):
        try:
            if not least <= ipaddress.ip_network(value).prefixlen <= most:
                yield "error", f"is {value}; the prefix must be /{least} to /{most}"
        except ValueError as error:
            yield "error", f"is {value!r}, not a network ({error})"

    return rule


def arn(value):
    if not re.match(r"arn:[\w-]+:[\w-]+:[\w-]*:(\d{12}|aws|aws-managed)?:.+", value):
        yield "error", f"is {value!r}, not an ARN"


def is_json(text):
    try:
        json.loads(text)
    except ValueError as error:
        yield "error", f"is not JSON ({error})"


def at(configuration, path):
    """All known values at a dotted path, in every block on the way; `[]` at its end takes a list's
    elements.
    """

    def walk(value, steps):
        if value is None or isinstance(value, Unknown):
            return
        if isinstance(value, list):
            for each in value:
                yield from walk(each, steps)
        elif not steps:
            yield value
        elif isinstance(value, dict):
            yield from walk(value.get(steps[0]), steps[1:])

    return walk(configuration, path.removesuffix("[]").split("."))


PROTOCOL = one_of("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
ACTION = one_of(
    "forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response", "jwt-validation"
)  # fmt: skip
PROJECTION = one_of("ALL", "INCLUDE", "KEYS_ONLY")
DAYS = one_of(
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
)  # fmt: skip
BALANCER_NAME = matches(
    r"(?!internal-)[0-9A-Za-z](?:[0-9A-Za-z-]{0,30}[0-9A-Za-z])?", "1-32 letters, digits and hyphens, not internal-…"
)
TABLE_NAME = matches(r"[A-Za-z0-9_.-]{3,255}", "3-255 letters, digits and _.-")
ECS_NAME = matches(r"[0-9A-Za-z_-]{1,255}", "1-255 letters, digits, _ and -")
IAM_NAME = matches(r"[\w+=,.@-]{1,128}", "1-128 letters, digits and +=,.@_-")
EVENT_NAME = matches(r"[\w.-]{1,64}", "1-64 letters, digits and _.-")
# EC2 takes no other characters here, not even a dash that is longer.
DESCRIPTION = matches(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}", "at most 255 plain characters")

VALUES = {
    "aws_apigatewayv2_api": {
        "protocol_type": one_of("HTTP", "WEBSOCKET"),
        "ip_address_type": one_of("ipv4", "dualstack"),
        "name": matches(r".{1,128}", "1-128 characters"),
        "cors_configuration.max_age": between(-1, 86400),
    },
    "aws_apigatewayv2_integration": {
        "integration_type": one_of("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"),
        "integration_method": one_of("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"),
        "connection_type": one_of("INTERNET", "VPC_LINK"),
        "payload_format_version": one_of("1.0", "2.0"),
        "timeout_milliseconds": between(50, 30000),
    },
    "aws_apigatewayv2_route": {
        "authorization_type": one_of("NONE", "AWS_IAM", "CUSTOM", "JWT"),
        "route_key": matches(
            r"\$default|(ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /\S*", "$default or `METHOD /path`"
        ),
        "target": matches(r"integrations/.+", "integrations/ID"),
    },
    "aws_apigatewayv2_stage": {
        "name": matches(r"\$default|[0-9A-Za-z_-]{1,128}", "$default or letters, digits, _ and -"),
        "access_log_settings.destination_arn": arn,
    },
    "aws_apigatewayv2_domain_name": {
        "domain_name_configuration.certificate_arn": arn,
        "domain_name_configuration.endpoint_type": one_of("REGIONAL"),
        "domain_name_configuration.security_policy": one_of("TLS_1_2"),
    },
    "aws_apigatewayv2_vpc_link": {"name": matches(r".{1,128}", "1-128 characters")},
    "aws_appautoscaling_policy": {"policy_type": one_of("StepScaling", "TargetTrackingScaling", "PredictiveScaling")},
    "aws_appautoscaling_target": {"service_namespace": one_of("ecs")},
    "aws_budgets_budget": {
        "budget_type": one_of(
            "USAGE", "COST", "RI_UTILIZATION", "RI_COVERAGE", "SAVINGS_PLANS_UTILIZATION", "SAVINGS_PLANS_COVERAGE"
        ),
        "time_unit": one_of("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", "CUSTOM"),
    },
    "aws_cloudwatch_dashboard": {
        "dashboard_name": matches(r"[\w-]{1,255}", "1-255 letters, digits, _ and -"),
        "dashboard_body": is_json,
    },
    "aws_cloudwatch_event_rule": {"name": EVENT_NAME, "event_pattern": is_json},
    "aws_cloudwatch_event_target": {"target_id": EVENT_NAME, "arn": arn},
    "aws_cloudwatch_log_group": {
        "name": matches(r"[.\-_/#A-Za-z0-9]{1,512}", "letters, digits and .-_/#"),
        "retention_in_days": DAYS,
        "log_group_class": one_of("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
    },
    "aws_cloudwatch_metric_alarm": {
        "comparison_operator": one_of(
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "LessThanThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "GreaterThanUpperThreshold",
        ),
        "statistic": one_of("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        "treat_missing_data": one_of("breaching", "notBreaching", "ignore", "missing"),
    },
    "aws_dynamodb_table": {
        "name": TABLE_NAME,
        "global_secondary_index.name": TABLE_NAME,
        "global_secondary_index.projection_type": PROJECTION,
        "billing_mode": one_of("PROVISIONED", "PAY_PER_REQUEST"),
        "attribute.type": one_of("S", "N", "B"),
        "table_class": one_of("STANDARD", "STANDARD_INFREQUENT_ACCESS"),
    },
    "aws_ecr_repository": {
        "name": matches(
            r"(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*", "lower-case letters, digits and ._-/"
        ),
        "image_tag_mutability": one_of("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"),
        "encryption_configuration.encryption_type": one_of("AES256", "KMS", "KMS_DSSE"),
    },
    "aws_ecs_cluster": {
        "name": ECS_NAME,
        "setting.name": one_of("containerInsights"),
        "setting.value": one_of("enabled", "disabled", "enhanced"),
    },
    "aws_ecs_service": {
        "name": ECS_NAME,
        "launch_type": one_of("EC2", "FARGATE", "EXTERNAL"),
        "scheduling_strategy": one_of("REPLICA", "DAEMON"),
        "propagate_tags": one_of("SERVICE", "TASK_DEFINITION", "NONE", ""),
        "deployment_controller.type": one_of("CODE_DEPLOY", "ECS", "EXTERNAL"),
        "desired_count": between(0, 5000),
        "health_check_grace_period_seconds": between(0, 2147483647),
        "load_balancer.container_port": between(0, 65536),
        "deployment_minimum_healthy_percent": between(0, 100),
    },
    "aws_ecs_task_definition": {
        "family": ECS_NAME,
        "network_mode": one_of("bridge", "host", "awsvpc", "none"),
        "requires_compatibilities[]": one_of("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"),
        "runtime_platform.cpu_architecture": one_of("X86_64", "ARM64"),
        "execution_role_arn": arn,
        "task_role_arn": arn,
    },
    "aws_eip": {"domain": one_of("vpc", "standard")},
    "aws_iam_policy": {"name": IAM_NAME, "policy": policy("identity")},
    "aws_iam_role": {
        "name": matches(r"[\w+=,.@-]{1,64}", "1-64 letters, digits and +=,.@_-"),
        "assume_role_policy": policy("trust"),
        "inline_policy.policy": policy("identity"),
    },
    "aws_iam_role_policy": {"name": IAM_NAME, "policy": policy("identity")},
    "aws_iam_role_policy_attachment": {"policy_arn": arn},
    "aws_kms_key": {
        "key_usage": one_of("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"),
        "deletion_window_in_days": between(7, 30),
        "policy": policy("resource"),
    },
    "aws_lb": {
        "name": BALANCER_NAME,
        "load_balancer_type": one_of("application", "network", "gateway"),
        "ip_address_type": one_of("ipv4", "dualstack", "dualstack-without-public-ipv4"),
        "desync_mitigation_mode": one_of("monitor", "defensive", "strictest"),
        "idle_timeout": between(1, 4000),
    },
    "aws_lb_listener": {
        "load_balancer_arn": arn,
        "port": between(1, 65535),
        "protocol": PROTOCOL,
        "default_action.type": ACTION,
        "default_action.redirect.status_code": one_of("HTTP_301", "HTTP_302"),
    },
    "aws_lb_listener_rule": {"listener_arn": arn, "action.type": ACTION},
    "aws_lb_target_group": {
        "name": BALANCER_NAME,
        "port": between(1, 65535),
        "protocol": PROTOCOL,
        "protocol_version": one_of("HTTP1", "HTTP2", "GRPC"),
        "target_type": one_of("instance", "ip", "lambda", "alb"),
        "load_balancing_algorithm_type": one_of("round_robin", "least_outstanding_requests", "weighted_random"),
        "deregistration_delay": between(0, 3600),
        "slow_start": between(0, 900),
        "health_check.protocol": one_of("HTTP", "HTTPS", "TCP"),
        "health_check.port": matches(r"traffic-port|\d{1,5}", "a port or traffic-port"),
        "health_check.path": matches(r"/.{0,1023}", "a path"),
        "health_check.matcher": matches(r"\d+([,-]\d+)*", "codes such as 200 or 200-299"),
        "health_check.healthy_threshold": between(2, 10),
        "health_check.unhealthy_threshold": between(2, 10),
        "health_check.timeout": between(2, 120),
        "health_check.interval": between(5, 300),
    },
    "aws_nat_gateway": {"connectivity_type": one_of("public", "private")},
    "aws_route": {"destination_cidr_block": network()},
    "aws_route53_record": {"type": one_of("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT")},
    "aws_s3_bucket_policy": {"policy": policy("resource")},
    "aws_scheduler_schedule": {
        "name": matches(r"[\w.-]{1,64}", "1-64 letters, digits and ._-"),
        "schedule_expression": matches(r"cron\(([^ ]+ ){5}[^ ]+\)|(rate|at)\(.+\)", "cron(…) of six fields, rate(…) or at(…)"),
        "flexible_time_window.mode": one_of("OFF", "FLEXIBLE"),
        "target.role_arn": arn,
        "target.retry_policy.maximum_event_age_in_seconds": between(60, 86400),
        "target.retry_policy.maximum_retry_attempts": between(0, 185),
    },
    "aws_security_group": {
        "name": matches(r"(?!sg-)[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", "1-255 plain characters, not sg-…"),
        "description": DESCRIPTION,
    },
    "aws_sns_topic_policy": {"policy": policy("resource")},
    "aws_sns_topic_subscription": {"topic_arn": arn},
    "aws_subnet": {"cidr_block": network(16, 28)},
    "aws_vpc": {"cidr_block": network(16, 28), "instance_tenancy": one_of("default", "dedicated")},
    "aws_vpc_endpoint": {
        "vpc_endpoint_type": one_of("Interface", "Gateway", "GatewayLoadBalancer", "Resource", "ServiceNetwork"),
        "policy": policy("resource"),
    },
    "aws_vpc_security_group_egress_rule": {"cidr_ipv4": network(), "description": DESCRIPTION},
    "aws_vpc_security_group_ingress_rule": {"cidr_ipv4": network(), "description": DESCRIPTION},
}

_PEER = ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
EXACTLY_ONE = {
    "aws_route": [
        ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"),
        (
            "carrier_gateway_id",
            "core_network_arn",
            "egress_only_gateway_id",
            "gateway_id",
            "local_gateway_id",
            "nat_gateway_id",
            "network_interface_id",
            "transit_gateway_id",
            "vpc_endpoint_id",
            "vpc_peering_connection_id",
        ),
    ],
    "aws_route_table_association": [("subnet_id", "gateway_id")],
    "aws_vpc_security_group_egress_rule": [_PEER],
    "aws_vpc_security_group_ingress_rule": [_PEER],
}

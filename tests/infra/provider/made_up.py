"""Recognisable values for what AWS would choose: ids, ARNs, addresses."""

import hashlib
import json
import threading

ACCOUNT = "123456789012"

# Services whose name in an ARN does not begin the name of their types.
SERVICES = {
    "lb": "elasticloadbalancing",
    "cloudwatch_log": "logs",
    "apigatewayv2": "apigateway",
    "api": "apigateway",
    "vpc": "ec2",
    "subnet": "ec2",
    "security": "ec2",
    "eip": "ec2",
    "nat": "ec2",
    "internet": "ec2",
    "route": "ec2",
}
ID_PREFIXES = {
    "aws_security_group": "sg",
    "aws_internet_gateway": "igw",
    "aws_nat_gateway": "nat",
    "aws_eip": "eipalloc",
    "aws_route_table": "rtb",
    "aws_route": "r",
    "aws_route_table_association": "rtbassoc",
    "aws_vpc_endpoint": "vpce",
    "aws_vpc_security_group_ingress_rule": "sgr-in",
    "aws_vpc_security_group_egress_rule": "sgr-out",
    "aws_flow_log": "fl",
}
ID_IS_ARN = {
    "aws_lb",
    "aws_lb_listener",
    "aws_lb_target_group",
    "aws_lb_listener_rule",
    "aws_ecs_cluster",
    "aws_ecs_service",
    "aws_sns_topic",
    "aws_iam_policy",
    "aws_acm_certificate",
}
ID_IS_ATTRIBUTE = {
    "aws_iam_role": "name",
    "aws_ecr_repository": "name",
    "aws_dynamodb_table": "name",
    "aws_backup_vault": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_ecs_cluster_capacity_providers": "cluster_name",
    "aws_s3_bucket": "bucket",
    "aws_ecs_task_definition": "family",
    "aws_ecr_lifecycle_policy": "repository",
    "aws_apigatewayv2_domain_name": "domain_name",
}
ARNS = {
    "aws_backup_plan": "backup:{region}:{account}:backup-plan:{hash}",
    "aws_backup_vault": "backup:{region}:{account}:backup-vault:{name}",
    "aws_dynamodb_table": "dynamodb:{region}:{account}:table/{name}",
    "aws_cloudwatch_log_group": "logs:{region}:{account}:log-group:{name}",
    "aws_ecr_repository": "ecr:{region}:{account}:repository/{name}",
    "aws_ecs_cluster": "ecs:{region}:{account}:cluster/{name}",
    "aws_ecs_task_definition": "ecs:{region}:{account}:task-definition/{name}:1",
    "aws_iam_role": "iam::{account}:role{path}{name}",
    "aws_iam_policy": "iam::{account}:policy{path}{name}",
    "aws_lb": "elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hash}",
    "aws_lb_target_group": "elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hash}",
    "aws_lb_listener": "elasticloadbalancing:{region}:{account}:listener/app/{hash}/{hash}",
    "aws_s3_bucket": "s3:::{name}",
    "aws_sns_topic": "sns:{region}:{account}:{name}",
    "aws_kms_key": "kms:{region}:{account}:key/{hash}",
    "aws_acm_certificate": "acm:{region}:{account}:certificate/{hash}",
    "aws_apigatewayv2_api": "apigateway:{region}::/apis/{id}",
    "aws_budgets_budget": "budgets::{account}:budget/{name}",
    "aws_cloudwatch_event_rule": "events:{region}:{account}:rule/{name}",
    "aws_scheduler_schedule": "scheduler:{region}:{account}:schedule/default/{name}",
    "aws_service_discovery_service": "servicediscovery:{region}:{account}:service/srv-{hash}",
}


class Maker:
    """Makes values up for one region. The same configuration gives the same values, told apart by a
    count if it comes twice.
    """

    def __init__(self, region):
        self.region = region
        self._seen, self._lock = {}, threading.Lock()

    def _hash(self, kind, configuration):
        whole = hashlib.sha256((kind + json.dumps(configuration, default=repr, sort_keys=True)).encode()).hexdigest()
        with self._lock:
            count = self._seen[whole] = self._seen.get(whole, 0) + 1
        return hashlib.sha256(f"{whole}{count}".encode()).hexdigest()[:12]

    def service_arn(self, kind, rest):
        """An ARN of the service that a type belongs to."""
        name = kind.removeprefix("aws_")
        begins = [key for key in SERVICES if name.startswith(key)]
        service = SERVICES[max(begins, key=len)] if begins else name.split("_")[0]
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{rest}"

    def values(self, kind, known, configuration):
        """(values of a new resource's computed attributes by name, its id). `known` are the
        attributes that have values.
        """
        given = lambda name: known.get(name) if isinstance(known.get(name), str) and known.get(name) else None
        unique = self._hash(kind, configuration)
        tags = known.get("tags") if isinstance(known.get("tags"), dict) else {}
        short = kind.removeprefix("aws_").replace("_", "-")
        prefixed = given("name_prefix") and f"{known['name_prefix']}{unique}"
        name = (
            given("name") or given("family") or given("bucket") or prefixed or tags.get("Name") or f"{short}-{unique}"
        )
        identity = f"{ID_PREFIXES.get(kind, short)}-{unique}"
        if kind in ARNS:
            path = given("path") or "/"
            rest = ARNS[kind].format(region=self.region, account=ACCOUNT, name=name, hash=unique, id=identity, path=path)
            arn = f"arn:aws:{rest}"
        else:
            arn = self.service_arn(kind, f"{short}/{name}/{unique}")
        if kind in ID_IS_ARN:
            identity = arn
        elif kind in ID_IS_ATTRIBUTE:
            identity = given(ID_IS_ATTRIBUTE[kind]) or name
        internal = "internal-" if known.get("internal") is True else ""
        values = {
            "id": identity,
            "arn": arn,
            "arn_without_revision": arn.rsplit(":", 1)[0],
            "name": name,
            "owner_id": ACCOUNT,
            "registry_id": ACCOUNT,
            "unique_id": "AROA" + unique.upper(),
            "region": self.region,
            "public_ip": "203.0.113.10",
            "tags_all": dict(tags),
            "repository_url": f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{name}",
            "dns_name": f"{internal}{name}-1.{self.region}.elb.amazonaws.com",
            "api_endpoint": f"https://{identity}.execute-api.{self.region}.amazonaws.com",
        }
        if kind == "aws_acm_certificate":
            names = sorted({known["domain_name"], *(known.get("subject_alternative_names") or [])})
            # A name's record is the same for each certificate.
            record = {"resource_record_type": "CNAME", "resource_record_value": "_proof.acm-validations.aws."}
            options = [{"domain_name": name, "resource_record_name": f"_proof.{name}."} | record for name in names]
            values["domain_validation_options"] = options
        if kind == "aws_route53_record":
            values["fqdn"] = known.get("name")
        if kind == "aws_apigatewayv2_stage":
            path = "" if known.get("name") == "$default" else known.get("name")
            values["invoke_url"] = f"https://{known.get('api_id')}.execute-api.{self.region}.amazonaws.com/{path}"
        if kind == "aws_lb":
            values["arn_suffix"] = arn.split("loadbalancer/")[-1]
        return values, identity

"""What reading a data source gives."""

import hashlib
import json
import re

import existing
from made_up import ACCOUNT
from resources import placeholder

# As Terraform's configuration has them, and as a policy document does.
STATEMENT_KEYS = {
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
}


def read(short, kind, configuration, maker):
    region = maker.region
    fixed = {
        "aws_caller_identity": {
            "account_id": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/nobody",
            "id": ACCOUNT,
            "user_id": "AIDANOBODY",
        },
        "aws_region": {"name": region, "region": region, "id": region, "endpoint": f"ec2.{region}.amazonaws.com"},
        "aws_availability_zones": {
            "names": [region + zone for zone in "abc"],
            # The second is one in which us-east-1 has no VPC links.
            "zone_ids": [f"{zone_prefix(region)}-az{number}" for number in (1, 3, 2)],
            "group_names": [region],
            "id": region,
        },
        "aws_partition": {
            "partition": "aws",
            "dns_suffix": "amazonaws.com",
            "id": "aws",
            "reverse_dns_prefix": "com.amazonaws",
        },
    }.get(kind) or existing.found(short, kind, configuration)
    if kind == "aws_iam_policy_document":
        document = policy_document(configuration)
        identity = hashlib.sha256(document.encode()).hexdigest()[:10]
        fixed = {"json": document, "minified_json": document, "id": identity, "version": "2012-10-17"}
    out = dict(configuration)
    for name, (flags, attribute) in short["a"].items():
        if "c" not in flags or out.get(name) is not None:
            continue
        if name in fixed:
            out[name] = fixed[name]
        elif name == "arn":
            out[name] = maker.service_arn(kind, f"{kind.removeprefix('aws_')}/{configuration.get('name') or 'found'}")
        else:
            out[name] = placeholder(attribute, f"{name}-of-{kind}")
    for name, (*_, inner) in short.get("b", {}).items():
        _fill(out.get(name), inner)
    return out


def zone_prefix(region):
    """What the ids of a region's zones begin with: apne2 of ap-northeast-2."""
    continent, direction, number = region.split("-")
    return continent + re.sub("north|south|east|west|central", lambda word: word[0][0], direction) + number


def _fill(value, short):
    for each in value if isinstance(value, list) else [value] if value else []:
        for name, (flags, kind) in short["a"].items():
            if "c" in flags and each.get(name) is None:
                each[name] = placeholder(kind, name)
        for name, (*_, inner) in short.get("b", {}).items():
            _fill(each.get(name), inner)


def policy_document(configuration):
    """The JSON of an aws_iam_policy_document, as the real provider writes it: a list of one is
    written as the one.
    """
    single = lambda values: values[0] if len(values) == 1 else list(values)
    statements = []
    for statement in configuration.get("statement") or []:
        written = {"Effect": statement.get("effect") or "Allow"}
        if statement.get("sid"):
            written["Sid"] = statement["sid"]
        written |= {key: single(statement[name]) for name, key in STATEMENT_KEYS.items() if statement.get(name)}
        for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
            if statement.get(name):
                by_type = {}
                for principal in statement[name]:
                    by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
                everybody = list(by_type) == ["*"]
                written[key] = "*" if everybody else {kind: single(ids) for kind, ids in by_type.items()}
        for condition in statement.get("condition") or []:
            tests = written.setdefault("Condition", {}).setdefault(condition["test"], {})
            tests[condition["variable"]] = single(condition["values"])
        statements.append(written)
    for name in ("source_policy_documents", "override_policy_documents"):
        for document in configuration.get(name) or []:
            statements = json.loads(document)["Statement"] + statements
    return json.dumps(
        {"Version": configuration.get("version") or "2012-10-17", "Statement": statements}, separators=(",", ":")
    )

"""Rules on IAM's policy documents.

iam_actions.json.gz has the actions of the services that infra/ names, from AWS's Service
Authorization Reference: for each, 1 if it can be allowed on a resource, 0 if on everything alone.
"""

import gzip
import json
import pathlib
import re

KEYS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
}
RESOURCE = r"\*|arn:[\w*-]+:[\w*-]+:[\w*${}-]*:[\w*${}-]*:.+"

with gzip.open(pathlib.Path(__file__).with_name("iam_actions.json.gz")) as _opened:
    ACTIONS = json.load(_opened)


def as_list(value):
    return value if isinstance(value, list) else [value]


def policy(sort):
    """A rule on a document that is attached to an identity, to a resource, or says who may take a
    role (trust).
    """

    def rule(text):
        try:
            document = json.loads(text)
            statements = as_list(document["Statement"])
        except (ValueError, TypeError, KeyError) as error:
            yield "error", f"is not a policy ({type(error).__name__}: {error})"
            return
        for key in document.keys() - {"Version", "Id", "Statement"}:
            yield "error", f"has the unknown key {key}"
        if document.get("Version") != "2012-10-17":
            yield "error", f"has the version {document.get('Version')!r}, not 2012-10-17"
        sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
        if len(set(sids)) != len(sids):
            yield "error", "has a Sid twice"
        for statement in statements:
            name = statement.get("Sid", "statement")
            for severity, problem in _statement(statement, sort):
                yield severity, f"{name}: {problem}"

    return rule


def _statement(statement, sort):
    for key in statement.keys() - KEYS:
        yield "error", f"unknown key {key}"
    if sort != "resource" and not re.fullmatch(r"[A-Za-z0-9]*", statement.get("Sid", "")):
        yield "error", "a Sid has letters and digits only"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "error", f"Effect is {statement.get('Effect')!r}"
    if ("Action" in statement) == ("NotAction" in statement):
        yield "error", "exactly one of Action and NotAction"
    principal = "Principal" in statement or "NotPrincipal" in statement
    if principal == (sort == "identity"):
        yield "error", "an identity policy has no Principal" if principal else f"a {sort} policy needs a Principal"
    resource = ("Resource" in statement) + ("NotResource" in statement)
    if sort == "trust" and resource:
        yield "error", "a trust policy has no Resource"
    if sort == "identity" and resource != 1:
        yield "error", "exactly one of Resource and NotResource"
    for each in as_list(statement.get("Resource", [])):
        if not re.fullmatch(RESOURCE, each):
            yield "error", f"Resource {each!r} is neither * nor an ARN"
    for action in as_list(statement.get("Action", statement.get("NotAction", []))):
        yield from _action(action, statement, sort)


def _action(action, statement, sort):
    if not re.fullmatch(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+", action):
        yield "error", f"action {action!r} is not service:Action"
        return
    service, _, name = action.partition(":")
    if service not in ACTIONS:
        return
    pattern = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)
    known = [on_resource for each, on_resource in ACTIONS[service].items() if pattern.fullmatch(each)]
    if not known:
        yield "warning", f"{action} is not an action that AWS documents"
    elif sort == "identity" and "*" not in as_list(statement.get("Resource", "*")) and not any(known):
        yield "warning", f"{action} takes no resource: with one other than * it allows nothing"

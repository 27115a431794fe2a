#!/usr/bin/env python3
"""That docs/permissions.md shows what the policies of infra/aws allow, as modules/access/calls.json and
reads.json have it, and that the latter has each resource and data source of infra/aws.

    check_access.py [--write]

Prints what is wrong; exit 0 or 1. With --write the table is written anew.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/infra/provider"))
import schema  # noqa: E402

INFRA = ROOT / "infra/aws"
CALLS = INFRA / "modules/access/calls.json"
READS = INFRA / "modules/access/reads.json"
PAGE = ROOT / "docs/permissions.md"
BEGIN, END = "<!-- policies: made by tests/infra/check_access.py --write -->\n", "<!-- /policies -->"
ON = {
    "any": "`*`",
    "alarms": "the topic of alarms",
    "apis": "the region's APIs",
    "budgets": "the environment's budget",
    "environment_roles": "the environment's roles",
    "log": "the router's log group",
    "log_groups": "the region's log groups",
    "policies": "the environment's policies",
    "public_parameters": "AWS's own parameters",
    "roles": "the task's two roles",
    "rules": "the environment's rules of EventBridge",
    "schedules": "the environment's schedules",
    "secrets": "the tenants' secrets",
    "service_deployments": "the service's deployments",
    "service_revisions": "the service's revisions",
    "state": "the project's state",
    "state_and_lock": "the project's state, and its lock",
    "state_bucket": "the state's bucket",
    "state_lock": "the state's lock",
    "tables": "both tables",
    "task_definitions": "the service's task definitions",
    "tasks": "the cluster's tasks",
    "tasks_of_cluster": "`*`, of the cluster",
    "tenants_table": "the tenants table",
}


def table(calls):
    yield "| policy | on | actions |"
    yield "|---|---|---|"
    for policy, allowed in calls.items():
        name = f"`{policy}`" if policy in ("read", "plan") else f"`{policy}`: `read` and"
        for kind in sorted({on for _, on in allowed}):
            actions = ", ".join(f"`{action}`" for action, on in sorted(allowed) if on == kind)
            yield f"| {name} | {ON.get(kind, f'the {kind}')} | {actions} |"
            name = ""


def incomplete(reads):
    """Types without an entry, entries without a type, and one of another provider than the schemas'."""
    for kind, name in (("resource", "resources"), ("data", "data")):
        types = schema.types_in(INFRA, kind)
        for missing in sorted(types - reads[name].keys()):
            yield f"{READS.name} does not say what the provider calls to read a {kind} {missing}"
        for left in sorted(reads[name].keys() - types):
            yield f"{READS.name} has a {kind} {left}, of which there is none"
    version, _ = schema.newest()
    if reads["provider"] != version:
        yield f"{READS.name} is of provider {reads['provider']}, the schemas are of {version}"


def main():
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    calls, reads = (json.loads(path.read_text(encoding="utf-8")) for path in (CALLS, READS))
    of_types = [entry["reads"].items() for types in (reads["resources"], reads["data"]) for entry in types.values()]
    of_a_plan = {pair for items in of_types for pair in items}
    pairs = {policy: set(allowed.items()) for policy, allowed in calls.items()}
    written = "\n".join(table(pairs | {"plan": pairs["plan"] | of_a_plan})) + "\n"
    after = rest[rest.index(END) :]
    wrong = list(incomplete(reads))
    if "--write" in sys.argv:
        PAGE.write_text(before + BEGIN + written + after, encoding="utf-8")
    elif before + BEGIN + written + after != page:
        wrong.append("the table of docs/permissions.md is another one: tests/infra/check_access.py --write")
    for problem in wrong:
        print(f"FAIL access: {problem}")
    print(f"FAIL {len(wrong)}" if wrong else "ok")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

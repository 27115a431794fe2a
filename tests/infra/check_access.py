#!/usr/bin/env python3
"""That docs/permissions.md shows what the policies of infra/aws allow, as modules/access/calls.json has it.

    check_access.py [--write]

Prints what is wrong; exit 0 or 1. With --write the table is written anew.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALLS = ROOT / "infra/aws/modules/access/calls.json"
PAGE = ROOT / "docs/permissions.md"
BEGIN, END = "<!-- policies: made by tests/infra/check_access.py --write -->\n", "<!-- /policies -->"
ON = {
    "any": "`*`",
    "alarms": "the topic of alarms",
    "apis": "the region's APIs",
    "budgets": "the environment's budget",
    "log": "the router's log group",
    "log_groups": "the region's log groups",
    "policies": "the environment's policies",
    "public_parameters": "AWS's own parameters",
    "roles": "the task's two roles",
    "secrets": "the tenants' secrets",
    "service_deployments": "the service's deployments",
    "service_revisions": "the service's revisions",
    "state": "the project's state",
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
        name = f"`{policy}`" if policy == "read" else f"`{policy}`: `read` and"
        for kind in sorted(set(allowed.values())):
            actions = ", ".join(f"`{action}`" for action, on in sorted(allowed.items()) if on == kind)
            yield f"| {name} | {ON.get(kind, f'the {kind}')} | {actions} |"
            name = ""


def main():
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    written = "\n".join(table(json.loads(CALLS.read_text(encoding="utf-8")))) + "\n"
    after = rest[rest.index(END) :]
    if "--write" in sys.argv:
        PAGE.write_text(before + BEGIN + written + after, encoding="utf-8")
    elif before + BEGIN + written + after != page:
        print("FAIL access: the table of docs/permissions.md is another one: tests/infra/check_access.py --write")
        return 1
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""That a change of variables on an applied environment takes nothing away that is still in use:
what Terraform's own graph does, one operation after the other.

    check_changes.py INFRA_DIR

Each change is applied against the stand-in for AWS. A resource that is deleted must be referred to
by nothing any more: whatever held its id or ARN was changed or deleted before. Prints what is
wrong; exit 0 or 1.
"""

import json
import sys
from pathlib import Path

from terraform import Workspace

KEY = "aws_kms_key.environment[0]"
REPOSITORY = "module.ecr.aws_ecr_repository.router"
ENCRYPTED = {
    "aws_sns_topic.alarms",
    "module.api.aws_cloudwatch_log_group.access",
    "module.compute.aws_cloudwatch_log_group.router",
    "module.data.aws_dynamodb_table.conversations",
    "module.data.aws_dynamodb_table.tenants",
}
WITHOUT = "-var=customer_managed_key=false"
KEPT = "-var=keep_unused_key=true"


def resources(workspace):
    """Each resource's attributes by its address."""

    def of(module):
        for resource in module.get("resources", []):
            if resource["mode"] == "managed":
                values = resource["values"]
                # The stand-in keeps the key of a table that uses none any more.
                if values.get("server_side_encryption") and not values["server_side_encryption"][0]["enabled"]:
                    values["server_side_encryption"] = []
                yield resource["address"], values
        for child in module.get("child_modules", []):
            yield from of(child)

    return dict(of(workspace.show()["values"]["root_module"]))


def in_use(before, operations):
    """What was deleted while something still referred to it."""
    for position, (action, address) in enumerate(operations):
        if action != "delete":
            continue
        done = {other for _, other in operations[:position]}
        names = {before[address].get(name) for name in ("id", "arn")} - {None}
        for other, values in before.items():
            refers = any(json.dumps(name) in json.dumps(values) for name in names)
            if other != address and refers and other not in done:
                yield f"{address} is deleted while {other} refers to it"


class Change:
    """An environment, applied, and what is changed on it."""

    def __init__(self, folder, environment, *first):
        self.workspace = Workspace(folder)
        self.file = f"-var-file={(folder / 'environments' / environment).resolve()}"
        self.workspace.init()
        self.workspace.apply(self.file, *first)

    def to(self, *variables):
        """(what was wrong, {address: action})."""
        before = resources(self.workspace)
        operations = self.workspace.operations(self.file, *variables)
        return list(in_use(before, operations)), {address: action for action, address in operations}


def problems(folder):
    # Production leaves its key in two steps, of which the second names it.
    with (change := Change(folder, "prod.tfvars")).workspace:
        wrong, done = change.to(WITHOUT, KEPT)
        yield from wrong
        if missing := ENCRYPTED - set(done):
            yield f"{sorted(missing)} keep the key"
        if KEY in done or REPOSITORY in done:
            yield f"leaving the key deletes it or replaces the repository: {done}"
        wrong, done = change.to(WITHOUT, "-var=delete_production_key=true")
        yield from wrong
        if done.get(KEY) != "delete":
            yield f"the key that is named is not deleted: {done}"
    # Elsewhere in one step, and still the key goes last.
    with (change := Change(folder, "dev.tfvars", "-var=customer_managed_key=true")).workspace:
        wrong, done = change.to()
        yield from wrong
        if done.get(KEY) != "delete" or not ENCRYPTED <= set(done):
            yield f"not everything has left the key: {done}"


def main():
    wrong = list(problems(Path(sys.argv[1])))
    for problem in wrong:
        print(f"FAIL change: {problem}")
    print("ok: nothing is taken away that is in use" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""That a change of variables on an applied environment does no harm: what Terraform's own graph
does against the stand-in for AWS, one operation after the other; and that the README's table says
what it does.

    check_changes.py INFRA_DIR [--write]

Every variable is changed, alone and with those that need it (changes/cases.py). What is in use is
neither deleted nor replaced, what is deleted is referred to by nothing any more, and a plan after
it is empty. With --write the table is written instead of compared. Prints what is wrong; exit 0
or 1.
"""

import argparse
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from changes import table
from changes.cases import CHANGES, NEVER, SEVERAL, changed, never_changed
from changes.environment import Environment
from changes.harm import harm
from made_up import ACCOUNT
from terraform import Failed, Workspace

BASE = "dev.tfvars"
AT_ONCE = 2


class Suite:
    """Collects what is wrong and, in the order of the cases, the rows of the table."""

    def __init__(self, workspace):
        self.workspace, self.wrong, self.bases = workspace, [], {}

    def base(self, tfvars, given):
        return self.bases[tfvars, json.dumps(given)]

    def make(self, number, tfvars, given):
        return Environment(self.workspace, f"base-{number}", tfvars, json.loads(given))

    def change(self, environment, what, variables, *others, removes=()):
        """One apply; gives {address: action}."""
        before = environment.resources()
        try:
            done, left = environment.apply(variables, *others)
        except Failed as failure:
            self.wrong.append(f"{what}: {failure}")
            return {}
        self.wrong += [f"{what}: {each}" for each in harm(before, environment.resources(), done, removes)]
        if left:
            self.wrong.append(f"{what}: a plan after it would change {', '.join(sorted(left))}")
        actions = {}
        for action, address in done:
            actions[address] = "replace" if address in actions else action
        return actions

    def single(self, change):
        """What a change does alone."""
        return table.said(change.variables, change.given), self.base(BASE, change.given).plan(change.variables)

    def row(self, change, what, planned):
        """What the table says of a change alone. No provider restarts or registers anything for tags."""
        if not change.only_tags:
            return what, planned
        if set(planned.values()) != {"update"}:
            self.wrong.append(f"{what} does more than to change tags")
        return what, "in place", "~ all that has tags"

    def together(self, given):
        """All of them in one apply, each taken back alone where it made something, and all of them
        taken back.
        """
        base = self.base(BASE, given)
        changes = [(change, row) for change, row in zip(CHANGES, self.planned) if change.given == given]
        names = {name: value for change, _ in changes for name, value in change.variables.items()}
        self.change(base, "all together", names)
        rows = []
        for change, (what, planned) in changes:
            if "create" in planned.values():
                left = {name: value for name, value in names.items() if name not in change.variables}
                rows.append((f"{what}, taken back", base.plan(left)))
        removes = {address for change, _ in changes for address in change.removes}
        self.change(base, "all taken back", {}, removes=removes)
        return rows

    def several(self, number, case):
        """Steps, and the short cuts that are refused."""
        environment = self.base(case.tfvars, case.given).again(f"steps-{number}")
        for variables in case.refused:
            self.refused(environment, variables)
        # The first step says all that it sets.
        rows, former = [], {name: value for name, value in case.given.items() if name not in case.steps[0].variables}
        for step in case.steps:
            what = table.said_of_step(former, step)
            actions = self.change(environment, what, step.variables, *step.options, removes=step.removes)
            rows.append((what, actions))
            former = {**case.given, **step.variables}
        return rows

    def refused(self, environment, variables):
        said = environment.refusal(variables)
        if "condition failed" not in (said or ""):
            self.wrong.append(f"{table.said(variables)} is not refused: {said}")

    def never(self, variables):
        self.refused(self.base(BASE, {}), variables)

    def other_account(self):
        elsewhere = self.base(BASE, {}).again("account")
        state = elsewhere.folder / "terraform.tfstate"
        state.write_text(state.read_text().replace(ACCOUNT, ACCOUNT[::-1]))
        self.refused(elsewhere, {})

    def run(self):
        needed = {(BASE, json.dumps(change.given)) for change in CHANGES}
        needed |= {(case.tfvars, json.dumps(case.given)) for case in SEVERAL}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            made = [(key, pool.submit(self.make, number, *key)) for number, key in enumerate(sorted(needed))]
            self.bases = {key: future.result() for key, future in made}
            steps = [pool.submit(self.several, *each) for each in enumerate(SEVERAL)]
            list(pool.map(self.never, NEVER))
            pool.submit(self.other_account).result()
            self.planned = list(pool.map(self.single, CHANGES))
            stepped = [row for future in steps for row in future.result()]
            taken_back = pool.map(self.together, [json.loads(given) for given in sorted({json.dumps(change.given) for change in CHANGES})])
            planned = [self.row(change, *row) for change, row in zip(CHANGES, self.planned)]
            rows = [*planned, *(row for rows in taken_back for row in rows), *stepped]
        names = ", ".join(f"`{name}`" for name in sorted(never_changed()))
        return [*rows, (names, "refused", "")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = "".join(path.read_text() for path in sorted(arguments.folder.glob("*.tf")))
    missing = set(re.findall(r'^variable "(\w+)"', text, re.M)) - changed() - never_changed()
    with Workspace(arguments.folder) as workspace:
        workspace.init(AT_ONCE)
        suite = Suite(workspace)
        rows = suite.run()
    wrong = [f"{name} is a variable that changes/cases.py does not change" for name in sorted(missing)] + suite.wrong
    readme, made = arguments.folder.parent / "README.md", table.table(rows)
    if arguments.write:
        table.write(readme, made)
    elif table.current(readme) != made:
        wrong.append(f"the table of {readme} is another one: {sys.argv[0]} {arguments.folder} --write")
    for problem in wrong:
        print(f"FAIL change: {problem}")
    print(f"ok: {len(rows)} changes" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

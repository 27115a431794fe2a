#!/usr/bin/env python3
"""What infra/aws refuses: `terraform test` passes, as somebody runs it who knows only that, and each
of its runs fails for the reason that its comment gives.

    check_refusals.py INFRA_DIR

A run says which variable or resource fails, not what Terraform tells of it; so each is run again
without that, in a file of its own, since the first run that fails ends its file. Prints what is
wrong; exit 0 or 1.
"""

import json
import re
import sys
from pathlib import Path

from terraform import Failed, Workspace

RUN = re.compile(r'^# (?P<reason>[^\n]+)\nrun "(?P<name>\w+)" \{\n(?P<body>.*?)^\}\n', re.M | re.S)
EXPECTED = re.compile(r"^  expect_failures = .*\n", re.M)
ALONE = "alone"


def as_it_is(workspace):
    try:
        workspace.terraform("test", "-no-color")
    except Failed as failure:
        yield f"terraform test: {failure}"


def alone(workspace):
    """Each run that expects a failure, without expecting it."""
    reasons, folder = {}, workspace.folder / ALONE
    folder.mkdir()
    for file in sorted((workspace.folder / "tests").glob("*.tftest.hcl")):
        text = file.read_text()
        begins = text[: re.search(r'^(# .+\n)?run "', text, re.M).start()]
        runs = [run for run in RUN.finditer(text) if EXPECTED.search(run["body"])]
        if len(runs) != len(EXPECTED.findall(text)):
            yield f"{file.name}: a run that expects a failure has no comment with the reason"
        for run in runs:
            reasons[run["name"]] = run["reason"]
            body = EXPECTED.sub("", run["body"])
            (folder / f"{run['name']}.tftest.hcl").write_text(f'{begins}\nrun "{run["name"]}" {{\n{body}}}\n')
    said = told(workspace)
    for name, reason in reasons.items():
        texts = [" ".join(text.split()) for text in said.get(name, [])]
        if not any(reason in text for text in texts):
            yield f"{name}: not refused for {reason!r}, but: {texts or 'nothing refused it'}"


def told(workspace):
    """What Terraform says of each run that fails, by its name."""
    said = {}
    for line in map(json.loads, workspace.failing("test", "-json", f"-test-directory={ALONE}").splitlines()):
        if line["type"] == "diagnostic" and "@testrun" in line:
            diagnostic = line["diagnostic"]
            said.setdefault(line["@testrun"], []).append(f"{diagnostic['summary']}: {diagnostic.get('detail', '')}")
    return said


def main():
    wrong = []
    with Workspace(Path(sys.argv[1])) as workspace:
        # Mocks give no values that could be checked.
        workspace.init(checks=False)
        wrong += as_it_is(workspace)
        wrong += alone(workspace)
    for problem in wrong:
        print(f"FAIL refusals: {problem}")
    print("ok: refused, each for its reason" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

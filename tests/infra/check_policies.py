#!/usr/bin/env python3
"""checkov on infra/aws: nothing may fail, and every rule that a comment skips must be one that
would be checked there.

    check_policies.py INFRA_DIR [--var-file FILE]

Runs checkov (variable CHECKOV, else from PATH). Stale skips are looked for without a var file only:
what an option leaves out, nothing checks. Prints what is wrong; exit 0 or 1.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


def main():
    root, options = Path(sys.argv[1]).resolve(), sys.argv[2:]
    run = subprocess.run(
        [os.environ.get("CHECKOV", "checkov"), "-d", str(root), "--skip-download", "--output", "json", *options],
        capture_output=True,
        text=True,
        timeout=600,
    )
    reports = json.loads(run.stdout)
    results = [r["results"] for r in (reports if isinstance(reports, list) else [reports])]
    failed = [c for r in results for c in r["failed_checks"]]
    skipped = {(c["file_path"], c["check_id"]) for r in results for c in r["skipped_checks"]}
    passed = sum(len(r["passed_checks"]) for r in results)
    wrong = [f"{c['check_id']} {c['resource']}: {c['check_name']}" for c in failed]
    if not options:
        written = {
            (f"/{path.relative_to(root)}", rule)
            for path in root.rglob("*.tf")
            for rule in re.findall(r"checkov:skip=(\w+)", path.read_text())
        }
        wrong += [f"{path}: {rule} is skipped, but nothing checks it" for path, rule in sorted(written - skipped)]
    for problem in wrong:
        print(f"FAIL policies: {problem}")
    print(f"ok: {passed} passed, {len(skipped)} skipped with a reason" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong) or not passed


if __name__ == "__main__":
    sys.exit(main())

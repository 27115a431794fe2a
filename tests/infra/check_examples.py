#!/usr/bin/env python3
"""That each example can be planned as it is, and warns of nothing.

    check_examples.py INFRA_DIR EXAMPLES_DIR

Prints what is wrong; exit 0 or 1.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from terraform import Failed, Workspace

AT_ONCE = 2


def main():
    infra, examples = map(Path, sys.argv[1:3])
    files = sorted(examples.resolve().glob("*/*.tfvars"))
    wrong = []

    def plan(file):
        try:
            if not workspace.plan(f"-var-file={file}"):
                wrong.append(f"{file}: nothing would be made")
        except Failed as failure:
            wrong.append(f"{file}: {failure}")

    with Workspace(infra) as workspace:
        workspace.init(AT_ONCE)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(plan, files))
        wrong += workspace.warnings
    for folder in examples.iterdir():
        if folder.is_dir() and not ((folder / "README.md").is_file() and any(folder.glob("*.tfvars"))):
            wrong.append(f"{folder} has no README.md or no tfvars file")
    for problem in wrong:
        print(f"FAIL examples: {problem}")
    print(f"ok: {len(files)} files" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

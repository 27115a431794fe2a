#!/usr/bin/env python3
"""Virtual environments with pinned packages, below the target folder: each is made once.

    tests/python_environment.py NAME PACKAGE==VERSION...

prints the folder of its programs. Scripts import `environment` instead.
"""

import fcntl
import os
import pathlib
import subprocess
import sys
import venv

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path(__file__).resolve().parents[1] / "target"))


def environment(name, packages):
    """The folder of the environment's programs. Two that want it at once make it once."""
    path = TARGET / "python" / name
    path.mkdir(parents=True, exist_ok=True)
    # Written last: an interrupted run leaves an environment without it.
    complete = path / "complete"
    wanted = " ".join(packages)
    with open(path.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists() or complete.read_text() != wanted:
            venv.create(path, with_pip=True, clear=True)
            pip = [path / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *packages], check=True, stdout=sys.stderr)
            complete.write_text(wanted)
    return path / "bin"


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    print(environment(sys.argv[1], sys.argv[2:]))

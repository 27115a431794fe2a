#!/usr/bin/env python3
"""What can be told of infra/aws by reading it, where no tool of others looks.

    check_static.py INFRA_DIR

Every module has the standard files and is called; every variable is typed, described and, unless it
is a bool, validated; every output is described; variables, locals and data sources are used; no
file has a credential or an account's number; every skipped checkov rule has a reason. Prints what
is wrong; exit 0 or 1.
"""

import re
import sys
from pathlib import Path

MODULES = ["networking", "data", "secrets", "ecr", "compute", "api"]
STANDARD_FILES = ["main.tf", "variables.tf", "outputs.tf", "versions.tf"]
MAX_LINES = 500
CREDENTIAL = r"AKIA[0-9A-Z]{16}|aws_secret_access_key|-----BEGIN [A-Z ]*PRIVATE KEY|sk-ant-[A-Za-z0-9]|xox[abp]-\d"
ACCOUNT = r"(?<![\d.])\d{12}(?!\d)"


def blocks(text, kind):
    """(name, body) of each top-level block of a formatted file."""
    for found in re.finditer(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', text, re.M | re.S):
        yield found[1], found[2]


def unused(folder):
    """What a module declares and nothing in it mentions."""
    text = "".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    declared = [f"var.{name}" for name, _ in blocks(text, "variable")]
    declared += [f"data.{kind}.{name}" for kind, name in re.findall(r'^data "(\w+)" "(\w+)"', text, re.M)]
    for body in re.findall(r"^locals \{\n(.*?)^\}", text, re.M | re.S):
        declared += [f"local.{name}" for name in re.findall(r"^  (\w+) +=", body, re.M)]
    for name in declared:
        if not re.search(rf"\b{re.escape(name)}\b", text):
            yield f"{folder}: {name} is never used"


def problems(root):
    called = re.findall(r'^  source += "\./modules/(\w+)"', "".join(p.read_text() for p in root.glob("*.tf")), re.M)
    for folder in sorted((root / "modules").iterdir()):
        if folder.name not in called:
            yield f"{folder} is a module that nothing calls"
        yield from unused(folder)
    yield from unused(root)
    for path in sorted([*root.rglob("*.tf"), *root.rglob("*.tfvars")]):
        text = path.read_text()
        if re.search(CREDENTIAL, text) or re.search(ACCOUNT, re.sub(r"#.*", "", text)):
            yield f"{path} has a credential or the number of an account"
    for folder in [root, *(root / "modules" / name for name in MODULES)]:
        for name in STANDARD_FILES:
            if not (folder / name).is_file():
                yield f"{folder / name} is missing"
    for name in ["backend.tf", "environments/dev.tfvars", "environments/staging.tfvars", "environments/prod.tfvars"]:
        if not (root / name).is_file():
            yield f"{root / name} is missing"
    if re.search(r"^\s*[^#\s]", (root / "backend.tf").read_text(), re.M):
        yield "backend.tf is not commented out: a first apply would need a bucket that nobody made"

    for path in sorted(root.rglob("*.tf")):
        if ".terraform" in path.parts:
            continue
        text = path.read_text()
        if text.count("\n") > MAX_LINES:
            yield f"{path} has more than {MAX_LINES} lines"
        for name, body in blocks(text, "variable"):
            kind = re.search(r"^  type +=\s*(\w+)", body, re.M)
            if not kind:
                yield f"{path}: variable {name} has no type"
            if not re.search(r'^  description += "\S', body, re.M):
                yield f"{path}: variable {name} has no description"
            if kind and kind[1] != "bool" and "  validation {" not in body:
                yield f"{path}: variable {name} has no validation"
        for name, body in blocks(text, "output"):
            if not re.search(r'^  description += "\S', body, re.M):
                yield f"{path}: output {name} has no description"
        for found in re.finditer(r"checkov:skip=(\w+)(.*)", text):
            if not re.match(r":\S.{6,}", found[2]):
                yield f"{path}: {found[1]} is skipped without a reason"


def main():
    found = list(problems(Path(sys.argv[1])))
    for problem in found:
        print(f"FAIL static: {problem}")
    print("ok: files, variables, outputs and skips" if not found else f"FAIL {len(found)}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

"""Terraform on a copy of a folder, with a provider that stands in for AWS: see
provider/__init__.py.
"""

import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Nothing is left beside the source.
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE.parent), str(HERE / "provider")]
import schema  # noqa: E402
from python_environment import TARGET, environment  # noqa: E402

PACKAGES = ["grpcio==1.85.3", "msgpack==1.2.4"]
TIMEOUT = 300
# What no copy takes along: what Terraform keeps beside its source, a lock of the real provider
# among it.
KEPT = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfplan")
CONFIGURATION = """provider_installation {{
  filesystem_mirror {{
    path = "{0}"
  }}
}}
disable_checkpoint = true
"""
# A state is never locked, and the stand-in has nothing that it could be refreshed from.
PLAIN = ["-json", "-input=false", "-lock=false", "-refresh=false"]


def provider_python(script):
    """Runs a script again with the Python that has the provider's packages, unless it is the one that runs."""
    python = environment("terraform", PACKAGES) / "python"
    if pathlib.Path(sys.prefix) != python.parents[1]:
        os.execv(python, [str(python), "-B", script, *sys.argv[1:]])


class Failed(Exception):
    """A Terraform command ended with an error; its text has what Terraform said."""


class Workspace:
    """A copy of a Terraform folder, initialised, below the target folder. A context manager that
    removes it.
    """

    def __init__(self, folder):
        (TARGET / "infra").mkdir(parents=True, exist_ok=True)
        self._root = pathlib.Path(tempfile.mkdtemp(dir=TARGET / "infra"))
        self.folder = self._root / "work"
        self.warnings = []
        self._providers, self._served = [], queue.Queue()
        shutil.copytree(folder, self.folder, ignore=KEPT)
        # An environment's own backend would ask for a bucket.
        (self.folder / "local_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        self._install_provider()
        self._variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))},
            "TF_CLI_CONFIG_FILE": str(self._root / "terraformrc"),
            "TF_DISABLE_PLUGIN_TLS": "1",
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            # A command is over in seconds: collecting its garbage as often as Go does took a quarter of its time.
            "GOGC": "400",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _install_provider(self):
        python = environment("terraform", PACKAGES) / "python"
        version, _ = schema.newest()
        wanted = self._root / "schema.json"
        wanted.write_text(json.dumps(schema.of_types(schema.types_in(self.folder))))
        platform = json.loads(subprocess.check_output(["terraform", "version", "-json"], stderr=subprocess.DEVNULL))[
            "platform"
        ]
        mirror = self._root / "mirror"
        folder = mirror / "registry.terraform.io/hashicorp/aws" / version / platform
        folder.mkdir(parents=True)
        program = folder / f"terraform-provider-aws_v{version}"
        program.write_text(f"#!/bin/sh\nexec '{python}' '{HERE}/provider/main.py' '{wanted}'\n")
        program.chmod(0o755)
        (self._root / "terraformrc").write_text(CONFIGURATION.format(mirror))

    def _serve(self, count, checks):
        """Keeps this many providers running, so that no command has to start its own."""
        python = environment("terraform", PACKAGES) / "python"
        command = [python, HERE / "provider/main.py", self._root / "schema.json"]
        variables = {**self._variables, "TF_PLUGIN_MAGIC_COOKIE": "served", "CHECKS": str(int(checks))}
        for _ in range(count):
            process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
            self._providers.append(process)
            address = process.stdout.readline().split("|")[3]
            # https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
            reattach = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": process.pid, "Test": True}
            reattach["Addr"] = {"Network": "tcp", "String": address}
            self._served.put({"TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": reattach})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._providers:
            process.kill()
            process.communicate()
        shutil.rmtree(self._root)

    def terraform(self, *arguments, folder=None):
        """Runs a command, here or in a copy of the folder. Its warnings are kept, its errors raised."""
        run = self._run(arguments, folder)
        said = [_told(diagnostic) for diagnostic in _diagnostics(run.stdout)]
        self.warnings += [text for severity, text in said if severity == "warning" and text not in self.warnings]
        if run.returncode:
            errors = [text for severity, text in said if severity == "error"]
            raise Failed("\n".join(errors) or re.sub(r"[│╷╵]", "", run.stderr or run.stdout))
        return run.stdout

    def failing(self, *arguments):
        """What a command says that is to fail."""
        return self._run(arguments).stdout

    def _run(self, arguments, folder=None):
        served = self._served.get() if self._providers else {}
        try:
            run = subprocess.run(
                ["terraform", *map(str, arguments)],
                cwd=folder or self.folder,
                env={**self._variables, **served},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        finally:
            if served:
                self._served.put(served)
        return run

    def init(self, at_once=1, checks=True):
        """Makes it ready for as many commands at once. Without checks the stand-in takes any value."""
        self.terraform("init", "-no-color", "-input=false")
        self._serve(at_once, checks)
        self.terraform("validate", "-json")

    def plan(self, *arguments):
        """The address of each resource that a plan would change."""
        return set(self.planned(*arguments))

    def planned(self, *arguments, folder=None):
        """What a plan would do to each resource, by its address: create, update, delete or replace."""
        lines = map(json.loads, self.terraform("plan", *PLAIN, *arguments, folder=folder).splitlines())
        changes = [line["change"] for line in lines if line["type"] == "planned_change"]
        return {each["resource"]["addr"]: each["action"] for each in changes if each["action"] != "read"}

    def apply(self, *arguments):
        """Applies; a plan after it must find nothing to change."""
        self.terraform("apply", "-auto-approve", *PLAIN, *arguments)
        if left := self.plan(*arguments):
            raise Failed(f"a plan after the apply would change {', '.join(sorted(left))}")

    def operations(self, *arguments, folder=None):
        """Applies, and gives what was done, in its order: (`create`, `update` or `delete`, address)."""
        output = self.terraform("apply", "-auto-approve", *PLAIN, *arguments, folder=folder)
        lines = map(json.loads, output.splitlines())
        done = [line["hook"] for line in lines if line["type"] == "apply_complete"]
        return [(hook["action"], hook["resource"]["addr"]) for hook in done if hook["action"] != "read"]

    def show(self):
        """The state, as `terraform show -json` has it."""
        return json.loads(self.terraform("show", "-json"))


def _diagnostics(output):
    """What a -json run has to say: one object in all, or one a line."""
    objects = []
    for line in [output] if output.startswith("{\n") else output.splitlines():
        try:
            objects.append(json.loads(line))
        except ValueError:
            continue
    for each in objects:
        yield from each.get("diagnostics", [])
        if each.get("type") == "diagnostic":
            yield each["diagnostic"]


def _told(diagnostic):
    """(severity, where and what)."""
    place = diagnostic.get("range") or {}
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    address = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    detail = " ".join(diagnostic.get("detail", "").split())
    return diagnostic["severity"], f"{where}{address}{diagnostic['summary']}{': ' if detail else ''}{detail}"

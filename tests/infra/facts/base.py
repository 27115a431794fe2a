"""An applied state, the variables it was applied with, and how the two are compared."""

import json
import re

DEFAULTS = {
    "admin_api": True,
    "project": "t3nets",
    "region": "us-east-1",
    "vpc_cidr": "10.0.0.0/16",
    "vpc_id": None,
    "private_subnet_ids": [],
    "public_subnet_ids": [],
    "egress": "nat_gateway",
    "front": "alb",
    "cpu": 256,
    "memory": 512,
    "cpu_architecture": "X86_64",
    "desired_count": 1,
    "container_insights": "disabled",
    "log_retention_days": 14,
    "egress_ports": [443],
    "log_filter": "info",
    "interface_endpoints": [],
    "cors_allow_origins": ["*"],
    "throttling_rate_limit": 50,
    "throttling_burst_limit": 100,
}


def read_tfvars(path):
    """The variables of a tfvars file with one value a line, over the defaults that matter here."""
    values = dict(DEFAULTS)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            found = re.match(r"(\w+)\s*=\s*(.+)", line)
            if found:
                values[found[1]] = json.loads(re.sub(r"(\w+) = ", r'"\1": ', found[2]))
    return values


def as_list(value):
    """What a policy writes of one: the one itself."""
    return value if isinstance(value, list) else [value]


class State:
    """An applied state: its resources by type, its outputs."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            values = json.load(file)["values"]
        self.outputs = {name: output.get("value") for name, output in values["outputs"].items()}
        self.resources = []
        self._collect(values["root_module"])

    def _collect(self, module):
        self.resources += [r for r in module.get("resources", []) if r["mode"] == "managed"]
        for child in module.get("child_modules", []):
            self._collect(child)

    def all(self, kind, **wanted):
        return [
            r["values"]
            for r in self.resources
            if r["type"] == kind and all(r["values"].get(k) == v for k, v in wanted.items())
        ]

    def one(self, kind, **wanted):
        found = self.all(kind, **wanted)
        if len(found) != 1:
            raise LookupError(f"{len(found)} of {kind} {wanted or ''}, not one")
        return found[0]


class Facts:
    """Collects how a state differs from what its variables promise. A topic is a subclass with one
    method a subject.
    """

    def __init__(self, state, var):
        self.state, self.var = state, var
        self.name = f"{var['project']}-{var['environment']}"
        self.count, self.wrong = 0, []
        self.alb = var["front"] == "alb"
        self.streaming = var.get("streaming_front", False)

    def same(self, what, got, want):
        self.count += 1
        if got == want:
            return
        if isinstance(got, set) and isinstance(want, set):
            self.wrong.append(f"{what}: too much {sorted(got - want)}, missing {sorted(want - got)}")
        else:
            self.wrong.append(f"{what}: {got!r}, not {want!r}")

    def true(self, what, ok):
        self.same(what, bool(ok), True)

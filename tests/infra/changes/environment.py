"""An environment that is applied and then changed."""

import json
import shutil

from terraform import Failed

# What Terraform keeps for itself: nothing of it is at AWS.
REMEMBERED = "terraform_data."


def options(variables):
    """Variables as Terraform's command line takes them. It has no null: one of None is not given."""
    written = lambda value: value if isinstance(value, str) else json.dumps(value)
    return [f"-var={name}={written(value)}" for name, value in variables.items() if value is not None]


def resources(state):
    """Each resource's attributes by its address, of a state file."""
    found = {}
    for resource in json.loads(state.read_text())["resources"]:
        if resource["mode"] != "managed" or resource["type"] == "terraform_data":
            continue
        module = f"{resource['module']}." if "module" in resource else ""
        for instance in resource["instances"]:
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key)}]"
            values = instance["attributes"]
            # The stand-in keeps the key of a table that uses none any more.
            if values.get("server_side_encryption") and not values["server_side_encryption"][0]["enabled"]:
                values["server_side_encryption"] = []
            found[f"{module}{resource['type']}.{resource['name']}{index}"] = values
    return found


class Environment:
    """One environment in a folder of its own, with the modules and the provider of a workspace: made
    anew, or as another one is.
    """

    def __init__(self, workspace, name, tfvars, given):
        self.workspace, self._arguments = workspace, [f"-var-file=environments/{tfvars}"]
        self.given = given
        self._settle(workspace.folder, name)
        self.apply({})

    def again(self, name):
        copy = object.__new__(Environment)
        copy.workspace, copy._arguments, copy.given = self.workspace, self._arguments, self.given
        copy._settle(self.folder, name)
        return copy

    def _settle(self, source, name):
        self.folder = self.workspace.folder.parent / name
        shutil.copytree(source, self.folder, symlinks=True)

    def resources(self):
        return resources(self.folder / "terraform.tfstate")

    def _with(self, variables):
        return [*self._arguments, *options({**self.given, **variables})]

    def plan(self, variables):
        """What a change would do: {address: action}, in Terraform's words."""
        found = self.workspace.planned(*self._with(variables), folder=self.folder)
        return {address: action for address, action in found.items() if not address.startswith(REMEMBERED)}

    def apply(self, variables, *others):
        """(what was done in its order, what a plan after it would still do)."""
        arguments = self._with(variables)
        done = self.workspace.operations(*arguments, *others, folder=self.folder)
        # Where nothing was done the plan of the apply was empty.
        left = self.workspace.planned(*arguments, folder=self.folder) if done else {}
        return [(action, address) for action, address in done if not address.startswith(REMEMBERED)], left

    def refusal(self, variables):
        """What Terraform says to a change; None if it would make it."""
        try:
            self.plan(variables)
        except Failed as refused:
            return str(refused)
        return None

"""The README's table of what a change does."""

import json
import re

BEGIN, END = "<!-- changes: made by tests/infra/check_changes.py --write -->", "<!-- /changes -->"
SIGNS = {"create": "+", "update": "~", "delete": "−", "replace": "±"}
TASK_DEFINITION = "module.compute.aws_ecs_task_definition.router"
SERVICE = "module.compute.aws_ecs_service.router"
REPOSITORY = "module.ecr.aws_ecr_repository.router"
NAMES = "module.api.aws_apigatewayv2_domain_name.own"
ROUTES = "module.networking.aws_route.private"


def effect(actions):
    """What a change means for those who use the environment."""
    said = []
    if any(address.startswith(ROUTES) and action == "update" for address, action in actions.items()):
        said.append("open connections to the internet break off")
    if any(address.startswith(NAMES) and action == "replace" for address, action in actions.items()):
        said.append("the former name answers no more")
    if actions.get(REPOSITORY) == "replace":
        said.append("no task can be started until the next deploy")
    if SERVICE in actions:
        said.append("rolling restart")
    if TASK_DEFINITION in actions:
        said.append("takes effect with the next deploy")
    return "; ".join(said) or ("in place" if actions else "nothing")


def touched(actions):
    """The kinds of resources, each with what happens to it."""
    kinds = {}
    for address, action in actions.items():
        name = next(part for part in address.split(".") if part.startswith("aws_")).removeprefix("aws_")
        kinds.setdefault((action, name), 0)
        kinds[action, name] += 1
    order = list(SIGNS)
    return ", ".join(
        f"{SIGNS[action]} {name}" for action, name in sorted(kinds, key=lambda each: (order.index(each[0]), each[1]))
    )


def said(variables, given=()):
    """Variables as a tfvars file has them; the names alone of many."""
    if len(variables) > 3:
        return ", ".join(f"`{name}`" for name in variables)
    written = ", ".join(f"`{name} = {json.dumps(value)}`" for name, value in variables.items())
    return written + (" (with autoscaling)" if given else "")


def said_of_step(former, step):
    """What is written differently than in the step before."""
    new = {name: value for name, value in step.variables.items() if former.get(name) != value}
    gone = [f"no `{name}`" for name in former if name not in step.variables and name.endswith("_beside")]
    options = [f"`{option}`" for option in step.options]
    return ", ".join(filter(None, [said(new), *gone, *options]))


def table(rows):
    """Rows are (what is changed, {address: action}) or (what is changed, effect, what is touched)."""
    lines = ["| change | effect | resources |", "|---|---|---|"]
    for first, *rest in rows:
        second, third = rest if len(rest) == 2 else (effect(rest[0]), touched(rest[0]))
        lines.append(f"| {first} | {second} | {third} |")
    return "\n".join(lines)


def current(readme):
    """The table as it is in the README."""
    return re.search(re.escape(BEGIN) + r"\n(.*?)\n" + re.escape(END), readme.read_text(), re.S)[1]


def write(readme, made):
    readme.write_text(readme.read_text().replace(f"{BEGIN}\n{current(readme)}\n", f"{BEGIN}\n{made}\n"))

#!/usr/bin/env python3
"""That a later plan does no harm: Terraform and `deploy` do not fight over the service, nor
environments over a state.

    check_handover.py INFRA_DIR TFVARS

Applies INFRA_DIR with TFVARS against the stand-in for AWS. Then plans are made: after a deploy and
a scaling (the service runs another revision and another count), nothing must be left to change;
with a changed setting, a new revision is registered and the service is not touched; another
environment's variables are refused. Prints what is wrong; exit 0 or 1.
"""

import json
import sys
from pathlib import Path

from terraform import Failed, Workspace


def deploy_and_scale(folder):
    """What a deploy and a scaling leave in the state, once it is refreshed."""
    path = folder / "terraform.tfstate"
    state = json.loads(path.read_text())
    [service] = [r for r in state["resources"] if r["type"] == "aws_ecs_service"]
    values = service["instances"][0]["attributes"]
    values["task_definition"] = values["task_definition"].rsplit(":", 1)[0] + ":7"
    values["desired_count"] += 2
    state["serial"] += 1
    path.write_text(json.dumps(state))


def problems(workspace, tfvars):
    workspace.init()
    workspace.apply(tfvars)
    deploy_and_scale(workspace.folder)
    after_deploy = workspace.plan(tfvars)
    if after_deploy:
        yield f"an apply after a deploy would change {sorted(after_deploy)}"
    after_setting = workspace.plan(tfvars, "-var=log_filter=debug")
    if after_setting != {"module.compute.aws_ecs_task_definition.router"}:
        yield f"a changed setting would change {sorted(after_setting)}, not the task definition alone"
    try:
        others = workspace.plan(tfvars, "-var=environment=other")
        yield f"another environment would change {len(others)} resources of this state"
    except Failed as refusal:
        if "This state is of the environment" not in str(refusal):
            raise


def main():
    with Workspace(Path(sys.argv[1])) as workspace:
        wrong = list(problems(workspace, f"-var-file={Path(sys.argv[2]).resolve()}"))
    for problem in wrong:
        print(f"FAIL handover: {problem}")
    print("ok: what runs is left alone, and so is another environment's state" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

"""That the policy for plans allows what the provider calls to refresh each resource, and nothing else.

Which calls those are is in modules/access/reads.json, by resource and data source, each with its source file in
https://github.com/hashicorp/terraform-provider-aws (at the tag of the version). `commit` is the revision in which it was
read; without one it was not, and is what the provider is known to do.
"""

import fnmatch
import json
import pathlib

from facts.base import Facts, as_list

ACCESS = pathlib.Path(__file__).resolve().parents[3] / "infra/aws/modules/access"
CALLS = json.loads((ACCESS / "calls.json").read_text(encoding="utf-8"))
READS = json.loads((ACCESS / "reads.json").read_text(encoding="utf-8"))
# A policy of the account's own is as long at most, without its spaces.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LONGEST_POLICY = 6144


def refreshing():
    """The actions that a refresh needs."""
    return {action for types in (READS["resources"], READS["data"]) for type in types.values() for action in type["reads"]}


def arn(kind, values, state):
    """What the calls about a resource are about, where they can be allowed on less than everything."""
    region, account = state.one("aws_sns_topic")["arn"].split(":")[3:5]
    if kind in ("aws_iam_role_policy", "aws_iam_role_policy_attachment"):
        return state.one("aws_iam_role", name=values["role"])["arn"]
    if kind == "aws_cloudwatch_event_target":
        return f"arn:aws:events:{region}:{account}:rule/{values['rule']}"
    if kind == "aws_ecr_lifecycle_policy":
        return state.one("aws_ecr_repository", name=values["repository"])["arn"]
    if kind == "aws_ecs_cluster_capacity_providers":
        return state.one("aws_ecs_cluster", name=values["cluster_name"])["arn"]
    if kind == "aws_ecs_service":
        cluster = state.one("aws_ecs_cluster", id=values["cluster"])["name"]
        return f"arn:aws:ecs:{region}:{account}:service/{cluster}/{values['name']}"
    if kind.startswith("aws_api"):
        return f"arn:aws:apigateway:{region}::/{values['id']}"
    return values["arn"]


class Refresh(Facts):
    def refresh(self):
        text = self.state.outputs["access_policies"]["plan"]
        allowed = {
            (action, resource)
            for statement in json.loads(text)["Statement"]
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        of_state = set(CALLS["plan"])
        self.same("plan: actions", {action for action, _ in allowed}, refreshing() | of_state)
        self.same("plan: cannot refresh", set(self.denied(allowed)), set())
        for action in sorted({action for kind in self.kinds() for action in READS["resources"][kind]["reads"]}):
            fewer = {pair for pair in allowed if pair[0] != action}
            self.true(f"plan without {action} refreshes less", any(self.denied(fewer)))
        self.true("the longest policy can be one of the account's", max(map(len, self.state.outputs["access_policies"].values())) <= LONGEST_POLICY)

    def kinds(self):
        return {resource["type"] for resource in self.state.resources} & READS["resources"].keys()

    def denied(self, allowed):
        """What of the resources' refresh a policy does not allow."""
        for kind in self.kinds():
            for action, on in READS["resources"][kind]["reads"].items():
                patterns = [pattern for each, pattern in allowed if each == action]
                for values in self.state.all(kind):
                    about = "*" if on == "any" else arn(kind, values, self.state)
                    if not any(fnmatch.fnmatchcase(about, pattern) for pattern in patterns):
                        yield f"{action} on {about}"

"""What the router may do: no less than its code calls, and no more."""

import fnmatch
import json

from facts.base import Facts, as_list

TABLE_ACTIONS = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}
READ_SECRETS = {"GetSecretValue", "DescribeSecret"}
# With a condition on the tag Project, of the request or of the secret.
MAKE_SECRETS = {"CreateSecret", "TagResource"}
MANAGE_SECRETS = {"UpdateSecret", "DeleteSecret", "RestoreSecret"}
MODEL_ACTIONS = {"InvokeModel", "InvokeModelWithResponseStream"}
# What may be looked at, because a model's ARN is of this kind.
LOOKED_AT = {"application-inference-profile": "GetInferenceProfile", "prompt-router": "GetPromptRouter"}
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
# Each region's geography, and some regions of it.
GEOGRAPHIES = {
    "us-east-1": ("us", ["us-east-1", "us-east-2", "us-west-2"]),
    "eu-central-1": ("eu", ["eu-west-1", "eu-north-1"]),
}


class Permissions(Facts):
    def permissions(self):
        state, var = self.state, self.var
        roles = {r["arn"]: r for r in state.all("aws_iam_role")}
        role = roles[self.task_definition["task_role_arn"]]
        self.true(
            "task role and execution role are two",
            self.task_definition["task_role_arn"] != self.task_definition["execution_role_arn"],
        )
        for each in (role, roles[self.task_definition["execution_role_arn"]]):
            [trust] = json.loads(each["assume_role_policy"])["Statement"]
            self.same(f"{each['name']}: trusts", trust["Principal"], {"Service": "ecs-tasks.amazonaws.com"})
        attached = [a["policy_arn"] for a in state.all("aws_iam_role_policy_attachment", role=role["name"])]
        secrets_policy = state.one("aws_iam_policy")
        self.same("attached to the task role", attached, [secrets_policy["arn"]])
        texts = [p["policy"] for p in state.all("aws_iam_role_policy", role=role["id"])] + [secrets_policy["policy"]]
        statements = [s for text in texts for s in as_list(json.loads(text)["Statement"])]
        self.true("only allowing statements", all(s["Effect"] == "Allow" for s in statements))
        granted = {
            (action, resource)
            for s in statements
            for action in as_list(s["Action"])
            for resource in as_list(s["Resource"])
        }

        named = lambda service, actions: {f"{service}:{action}" for action in actions}
        want = named("dynamodb", TABLE_ACTIONS | {"ConditionCheckItem"})
        administers = var["admin_api"]
        secret_actions = READ_SECRETS | (MAKE_SECRETS | MANAGE_SECRETS if administers else set())
        want |= named("secretsmanager", secret_actions) | named("bedrock", MODEL_ACTIONS)
        if var.get("bedrock_guardrails"):
            want |= named("bedrock", {"ApplyGuardrail"})
        kinds = {model.split("/")[0].split(":")[-1] for model in var.get("bedrock_allowed_models") or []}
        want |= named("bedrock", {action for kind, action in LOOKED_AT.items() if kind in kinds})
        want |= named("logs", {"CreateLogGroup", "CreateLogStream", "PutLogEvents"})
        exec_actions = {"CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"}
        on_everything = {"secretsmanager:ListSecrets"} if administers else set()
        if var.get("execute_command"):
            on_everything |= named("ssmmessages", exec_actions)
        if any(value.startswith("https://xray.") for value in var.get("otel_environment", {}).values()):
            on_everything |= named("xray", {"PutTraceSegments", "PutSpans", "PutSpansForIndexing"})
        self.same("actions of the task role", {action for action, _ in granted}, want | on_everything)
        self.same("actions on *", {action for action, resource in granted if resource == "*"}, on_everything)

        reached = lambda action: {r for a, r in granted if a == action}
        tables = {self.conversations["arn"], self.tenants["arn"]}
        if not administers:
            self.same("DeleteItem on", reached("dynamodb:DeleteItem"), {self.conversations["arn"]})
        for action in TABLE_ACTIONS - {"Query"} - (set() if administers else {"DeleteItem"}):
            self.same(f"{action} on", reached(f"dynamodb:{action}"), tables)
        self.same("Query on", reached("dynamodb:Query"), tables | {f"{self.tenants['arn']}/index/channel-mapping"})
        self.same("ConditionCheckItem on", reached("dynamodb:ConditionCheckItem"), {self.tenants["arn"]})
        account = self.tenants["arn"].split(":")[4]
        guardrails = {
            one if one.startswith("arn:") else f"arn:aws:bedrock:{var['region']}:{account}:guardrail/{one}"
            for one in var.get("bedrock_guardrails") or []
        }
        self.same("ApplyGuardrail on", reached("bedrock:ApplyGuardrail"), guardrails)
        prefix = (
            f"arn:aws:secretsmanager:{var['region']}:{account}:secret:/{var['project']}/{var['environment']}/tenants/*"
        )
        for action in secret_actions:
            self.same(f"{action} on", reached(f"secretsmanager:{action}"), {prefix})
        for tag, actions in {"aws:RequestTag/Project": MAKE_SECRETS, "aws:ResourceTag/Project": MANAGE_SECRETS}.items():
            for action in actions & secret_actions:
                [statement] = [s for s in statements if f"secretsmanager:{action}" in as_list(s["Action"])]
                condition = statement.get("Condition", {})
                self.same(f"{action} only with", condition, {"StringEquals": {tag: var["project"]}})
        self.models(statements, account)

    def models(self, statements, account):
        """Each model is allowed with all that it needs, and a foundation model only through its
        profile.
        """
        region = self.var["region"]
        home = f"arn:aws:bedrock:{region}:{account}"

        def allowed(arn, through=None, action="bedrock:InvokeModel"):
            """Whether an ARN may be called: by itself, or where a condition's key has a value."""
            for s in statements:
                conditions = [pair for test in s.get("Condition", {}).values() for pair in test.items()]
                met = {key for key, values in conditions for v in as_list(values) if through and fnmatch.fnmatchcase(through[1], v)}
                applies = met == {through[0]} if through else not conditions
                if applies and action in as_list(s["Action"]):
                    if any(fnmatch.fnmatchcase(arn, pattern) for pattern in as_list(s["Resource"])):
                        return True
            return False

        default = self.var.get("bedrock_model_id") or f"{GEOGRAPHIES[region][0]}.{CLAUDE}"
        profiles = {f"{home}:inference-profile/{default}"}
        for model in self.var.get("bedrock_allowed_models") or []:
            if not model.startswith("arn:"):
                continue
            kind = model.split("/")[0].split(":")[-1]
            self.true(f"{model} is allowed", allowed(model))
            if kind == "inference-profile":
                profiles.add(model)
            key = {"application-inference-profile": "InferenceProfileArn", "prompt-router": "PromptRouterArn"}.get(
                kind.removeprefix("default-")
            )
            for arn in [f"{home}:inference-profile/x", "arn:aws:bedrock:us-west-2::foundation-model/any.model-v1:0"]:
                self.same(f"{arn} through {kind}", allowed(arn, key and (f"bedrock:{key}", model)), key is not None)
            if key:
                action = "bedrock:Get" + key.removesuffix("Arn")
                self.true(f"{model} may be looked at", allowed(model, action=action))
        for profile in profiles:
            prefix, _, rest = profile.rpartition("/")[2].partition(".")
            through = ("bedrock:InferenceProfileArn", profile)
            self.true(f"{profile} is allowed", allowed(profile))
            for other in GEOGRAPHIES[region][1]:
                arn = f"arn:aws:bedrock:{other}::foundation-model/{rest}"
                self.true(f"{rest} in {other} is allowed through its profile", allowed(arn, through))
                self.true(f"{rest} in {other} is not allowed otherwise", not allowed(arn))
            elsewhere = f"arn:aws:bedrock:sa-east-1::foundation-model/{rest}"
            self.true(f"{rest} in sa-east-1 is not allowed", not allowed(elsewhere, through) and not allowed(elsewhere))
        self.true(
            "another maker's model is not allowed",
            not allowed(f"arn:aws:bedrock:{region}::foundation-model/cohere.command-r-v1:0"),
        )

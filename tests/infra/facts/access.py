"""Who may do what from outside: the policies for people and pipelines, and the roles that tokens open."""

import json
import pathlib

from facts.base import Facts, as_list

CALLS = pathlib.Path(__file__).resolve().parents[3] / "infra/aws/modules/access/calls.json"
CHANGES = ("Create", "Put", "Update", "Delete", "Register", "Pass", "Tag", "Restore", "BatchWrite", "Upload")


class Access(Facts):
    def access(self):
        calls = json.loads(CALLS.read_text(encoding="utf-8"))
        allowed = {}
        for name, text in self.state.outputs["access_policies"].items():
            statements = json.loads(text)["Statement"]
            self.true(f"{name}: only allows", all(statement["Effect"] == "Allow" for statement in statements))
            allowed[name] = {
                (action, resource)
                for statement in statements
                for action in as_list(statement["Action"])
                for resource in as_list(statement["Resource"])
            }
        self.same("policies", set(allowed), set(calls))
        for name, pairs in allowed.items():
            # Those of a plan: refresh.py.
            if name != "plan":
                self.same(f"{name}: actions", {action for action, _ in pairs}, {*calls["read"], *calls[name]})
            own = (self.name, f"/{self.var['project']}/{self.var['environment']}/", f"{self.var['project']}-terraform-state-")
            foreign = {r for _, r in pairs if r != "*" and not any(part in r for part in own)}
            apart = ("arn:aws:apigateway:", "arn:aws:ssm:", "arn:aws:logs:")
            self.same(f"{name}: reaches elsewhere", {r for r in foreign if not (name == "plan" and r.startswith(apart))}, set())
        conversations = self.conversations["arn"]
        for name in ("read", "deploy", "plan"):
            of_tenants = {a for a, r in allowed[name] if a == "secretsmanager:GetSecretValue" or r.startswith(conversations)}
            self.same(f"{name}: sees of tenants", of_tenants & {"secretsmanager:GetSecretValue", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}, set())
        self.same("read: changes", {a for a, _ in allowed["read"] if a.partition(":")[2].startswith(CHANGES)}, set())
        self.same("plan: reads items", {a for a, _ in allowed["plan"] if a in ("dynamodb:GetItem", "dynamodb:Query", "logs:GetLogEvents")}, set())
        locks = {"s3:PutObject", "s3:DeleteObject"}
        self.same("plan: changes", {a for a, _ in allowed["plan"] if a.partition(":")[2].startswith(CHANGES)}, locks)
        self.true("plan: writes the state's lock alone", all(r.endswith(".tflock") for a, r in allowed["plan"] if a in locks))
        self.pass_role(allowed["deploy"])
        self.roles()

    def pass_role(self, allowed):
        """Of the roles, those that the tasks have are passed on, by the ARNs that they have."""
        passed = {self.task_definition["task_role_arn"], self.task_definition["execution_role_arn"]}
        self.same("deploy: passes on", {on for action, on in allowed if action == "iam:PassRole"}, passed)
        account = self.tenants["arn"].split(":")[4]
        seen = f"arn:aws:iam::{account}:policy{self.var.get('role_path', '/')}{self.name}-*"
        self.same("deploy: policies that it sees", {on for action, on in allowed if action == "iam:GetPolicy"}, {seen})

    def roles(self):
        given = self.var.get("access")
        by_arn = {role["arn"]: role for role in self.state.all("aws_iam_role")}
        opened = self.state.outputs["access_role_arns"]
        self.same("roles that tokens open", set(opened), set(given["subjects"]) if given else set())
        for name, arn in opened.items():
            [trust] = json.loads(by_arn[arn]["assume_role_policy"])["Statement"]
            issuer = given.get("issuer", "https://token.actions.githubusercontent.com").removeprefix("https://")
            audience = given.get("audience", "sts.amazonaws.com")
            self.same(f"{name}: opened by", trust["Action"], "sts:AssumeRoleWithWebIdentity")
            self.same(f"{name}: for", trust["Condition"]["StringEquals"], {f"{issuer}:aud": audience})
            subjects = as_list(trust["Condition"]["StringLike"][f"{issuer}:sub"])
            self.same(f"{name}: of", sorted(subjects), sorted(given["subjects"][name]))
            policy = self.state.one("aws_iam_role_policy", role=by_arn[arn]["id"])["policy"]
            self.same(f"{name}: policy", json.loads(policy), json.loads(self.state.outputs["access_policies"][name]))
        boundaries = {role.get("permissions_boundary") or None for role in by_arn.values()}
        self.same("boundary of all roles", boundaries, {self.var.get("permissions_boundary")})
        named = [*self.state.all("aws_iam_role"), *self.state.all("aws_iam_policy")]
        self.same("path of all roles and policies", {each["path"] for each in named}, {self.var.get("role_path", "/")})

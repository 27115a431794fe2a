"""Tables and images."""

import fnmatch
import json

from facts.base import Facts


LAST_TEN = {"countType": "imageCountMoreThan", "countNumber": 10}
EXPIRE = {"type": "expire"}


def expired(rules, pushed, tags):
    """What a lifecycle policy deletes of images in the order of their push, as ECR evaluates it: an
    image that has the tags of a rule is out of reach of rules with a lower priority.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    gone, claimed = set(), set()
    for rule in sorted(rules, key=lambda rule: rule["rulePriority"]):
        wanted = rule["selection"].get("tagPatternList", ["*"])
        matching = [image for image in pushed if any(fnmatch.filter(tags[image], pattern) for pattern in wanted)]
        gone |= set(matching[: -rule["selection"]["countNumber"]]) - claimed
        claimed |= set(matching)
    return gone


class Storage(Facts):
    def data(self):
        var, keys = self.var, (("pk", "S"), ("sk", "S"))
        tables = {t["name"]: t for t in self.state.all("aws_dynamodb_table")}
        self.same("tables", set(tables), {f"{self.name}-conversations", f"{self.name}-tenants"})
        self.conversations, self.tenants = tables[f"{self.name}-conversations"], tables[f"{self.name}-tenants"]
        for name, table in tables.items():
            self.same(f"{name}: keys", (table["hash_key"], table["range_key"]), ("pk", "sk"))
            self.same(f"{name}: billing", table["billing_mode"], "PAY_PER_REQUEST")
            self.same(f"{name}: TTL", [(t["attribute_name"], t["enabled"]) for t in table["ttl"]], [("ttl", True)])
            self.same(
                f"{name}: deletion protection",
                table["deletion_protection_enabled"],
                var.get("deletion_protection", False),
            )
            self.same(
                f"{name}: recovery",
                table["point_in_time_recovery"][0]["enabled"],
                var.get("point_in_time_recovery", False),
            )
            self.same(
                f"{name}: own key",
                table["server_side_encryption"][0]["enabled"],
                var.get("customer_managed_key", False),
            )
        attributes = lambda table: {(a["name"], a["type"]) for a in table["attribute"]}
        self.same("conversations: attributes", attributes(self.conversations), set(keys))
        self.same("tenants: attributes", attributes(self.tenants), {*keys, ("gsi1pk", "S")})
        self.same("conversations: indexes", len(self.conversations["global_secondary_index"]), 0)
        self.same(
            "tenants: indexes",
            [
                (i["name"], i["hash_key"], i["range_key"], i["projection_type"])
                for i in self.tenants["global_secondary_index"]
            ],
            [("channel-mapping", "gsi1pk", None, "ALL")],
        )

    def tags(self):
        """All that can have tags has the environment's."""
        want = {**self.var.get("tags", {}), "Project": self.var["project"], "Environment": self.var["environment"]}
        want["ManagedBy"] = "terraform"
        for resource in self.state.resources:
            tags = resource["values"].get("tags_all")
            if tags is not None:
                self.true(f"{resource['address']} has the environment's tags", want.items() <= tags.items())

    def backups(self):
        wanted = self.var.get("backup")
        of = lambda kind: self.state.all(f"aws_backup_{kind}")
        if wanted is None:
            self.same("backups", of("plan") + of("selection") + of("vault"), [])
            return
        [vault] = of("vault")
        self.same("vault", vault["name"], f"{self.name}-tables")
        self.same("a vault goes with its backups", vault["force_destroy"], wanted.get("force_destroy", False))
        role = self.state.one("aws_iam_role", name=f"{self.name}-backup")
        [trust] = json.loads(role["assume_role_policy"])["Statement"]
        self.same("who may take the backup role", trust["Principal"], {"Service": "backup.amazonaws.com"})
        attached = self.state.one("aws_iam_role_policy_attachment", role=role["name"])["policy_arn"]
        self.same("what it may do", attached.rsplit("/", 1)[-1], "AWSBackupServiceRolePolicyForBackup")
        if not self.backed_up():
            self.same("backups that are made", of("plan") + of("selection"), [])
            return
        [plan], [selection] = of("plan"), of("selection")
        copies = [wanted["copy_to"]] if wanted.get("copy_to") else []
        self.same(
            "backups and how long they are kept",
            {
                rule["rule_name"]: (
                    rule["target_vault_name"],
                    rule["lifecycle"][0]["delete_after"],
                    [(copy["destination_vault_arn"], copy["lifecycle"][0]["delete_after"]) for copy in rule["copy_action"]],
                )
                for rule in plan["rule"]
            },
            {name: (vault["name"], kept, [(copy, kept) for copy in copies]) for name, kept in self.backed_up().items()},
        )
        self.same("what is backed up", set(selection["resources"]), {self.conversations["arn"], self.tenants["arn"]})
        self.same("by whom", selection["iam_role_arn"], role["arn"])

    def backed_up(self):
        """The backups that are made, with the days for which they are kept."""
        wanted = self.var.get("backup")
        days = {"daily": 7, "monthly": 365} if wanted is not None else {}
        return {name: kept for name, usual in days.items() if (kept := wanted.get(f"{name}_days", usual))}

    def backup_alarms(self):
        copied = {"backup-copy-failed"} if (self.var.get("backup") or {}).get("copy_to") else set()
        return {"backup-failed", "backup-expired"} | copied if self.backed_up() else set()

    def images(self):
        repository = self.repository = self.state.one("aws_ecr_repository")
        self.same("repository", repository["name"], f"{self.name}-router")
        self.same("force_delete", repository["force_delete"], self.var.get("ecr_force_delete", False))
        self.true("images are scanned on push", repository["image_scanning_configuration"][0]["scan_on_push"])
        self.same("tags", repository["image_tag_mutability"], "IMMUTABLE")
        rules = json.loads(self.state.one("aws_ecr_lifecycle_policy")["policy"])["rules"]
        self.same(
            "lifecycle",
            [(r["rulePriority"], r["selection"], r["action"]) for r in rules],
            [
                (1, {"tagStatus": "tagged", "tagPatternList": ["kept-*"], **LAST_TEN}, EXPIRE),
                (2, {"tagStatus": "any", **LAST_TEN}, EXPIRE),
            ],
        )
        self._ten_failed_deploys(rules)

    def _ten_failed_deploys(self, rules):
        """What runs outlasts any number of pushes that were never verified, and so does what is rolled
        back to.
        """
        pushed = [f"verified-{n}" for n in range(1, 4)] + [f"failed-{n}" for n in range(1, 31)]
        tags = {image: {image, *({f"kept-{image}"} if image.startswith("verified") else ())} for image in pushed}
        kept = [image for image in pushed if image not in expired(rules, pushed, tags)]
        self.same("kept after thirty failed deploys", kept, pushed[:3] + pushed[-10:])

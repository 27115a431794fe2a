#!/usr/bin/env python3
"""What infra/aws makes, compared with what the system promises, on the state that an apply left.

    check_facts.py --state STATE.json --tfvars FILE

STATE.json is `terraform show -json` after an apply (`apply --state` writes one, from a stand-in for
AWS); FILE is the tfvars file that was applied: which options are on decides what is expected.
Prints what is wrong; exit 0 or 1.
"""

import argparse
import sys

from facts.access import Access
from facts.api import Api
from facts.base import State, read_tfvars
from facts.network import Network
from facts.permissions import Permissions
from facts.refresh import Refresh
from facts.replay import Replay
from facts.service import Service
from facts.storage import Storage


class AllFacts(Network, Storage, Service, Permissions, Access, Refresh, Api, Replay):
    """Every topic. What one finds first (a subnet's id, a role), later ones compare with."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--tfvars", required=True)
    arguments = parser.parse_args()
    facts = AllFacts(State(arguments.state), read_tfvars(arguments.tfvars))
    # In this order: the first ones find what the later ones compare with.
    for part in (
        "network",
        "data",
        "backups",
        "images",
        "tags",
        "task",
        "service",
        "front",
        "security_groups",
        "permissions",
        "access",
        "refresh",
        "api",
        "alarms",
        "replay",
        "queries",
        "outputs",
    ):
        try:
            getattr(facts, part)()
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            facts.wrong.append(f"{part}: {type(error).__name__}: {error}")
    for wrong in facts.wrong:
        print(f"FAIL facts: {wrong}")
    print(f"ok: {facts.count} facts" if not facts.wrong else f"FAIL {len(facts.wrong)} of {facts.count} facts")
    return bool(facts.wrong)


if __name__ == "__main__":
    sys.exit(main())

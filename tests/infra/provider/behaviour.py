"""What the real provider does with a change, and its schema does not say: which attributes cannot be
changed in place, and what it does not read back.

The facts are in behaviour-VERSION.json, by resource type, each with its source file in
https://github.com/hashicorp/terraform-provider-aws (at the tag of the version). `commit` is the
revision in which it was read; without one it was not, and is what the provider is known to do:

    replaces         attributes with `ForceNew`: a change of one replaces the resource
    replaces_unless  an attribute that does so unless another one is true; replaces_if likewise
    drops_empty      blocks that are neither sent nor read back when nothing is set in them
    one_of           attributes of which only the one that is set is read back
"""

import json
import pathlib

[_FILE] = pathlib.Path(__file__).parent.glob("behaviour-*.json")
FACTS = json.loads(_FILE.read_text(encoding="utf-8"))


def facts_of(kind):
    """The facts of a resource type."""
    if kind not in FACTS:
        raise LookupError(f"{_FILE.name} does not say what replaces {kind}")
    return FACTS[kind]


def replacing(kind, prior, planned):
    """The attributes that make a change from prior to planned a replacement."""
    if prior is None or planned is None:
        return []
    facts = facts_of(kind)
    paths = list(facts["replaces"])
    paths += [name for name, unless in facts.get("replaces_unless", {}).items() if planned.get(unless) is not True]
    paths += [name for name, condition in facts.get("replaces_if", {}).items() if planned.get(condition) is True]
    changed = {path.split(".")[0] for path in paths if _at(prior, path) != _at(planned, path)}
    return sorted(changed)


def _at(value, path):
    """What is at a dotted path, in every block on the way."""
    step, _, rest = path.partition(".")
    if not isinstance(value, dict):
        return value
    inner = value.get(step)
    if not rest:
        return inner
    return [_at(each, rest) for each in inner] if isinstance(inner, list) else _at(inner, rest)


def read_back(kind, values, configuration):
    """What the provider reads back of an applied resource."""
    facts = facts_of(kind)
    out = dict(values)
    for name in facts.get("drops_empty", []):
        out[name] = [block for block in out[name] if any(value is not None for value in block.values())]
    for name in facts.get("one_of", []):
        out[name] = values[name] if configuration.get(name) is not None else None
    return out

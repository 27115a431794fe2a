"""What a plan promises of a resource, and what an apply gives."""

from behaviour import read_back
from wire import Unknown


def planned(short, proposed, prior):
    """What a plan says: computed attributes that nobody set stay as they were, or are unknown of a
    new resource.
    """
    if proposed is None or isinstance(proposed, Unknown):
        return proposed
    attributes = short["a"]
    if prior is not None:
        keeps = lambda name, value: value is None and "c" in attributes.get(name, ("",))[0]
        return {name: prior.get(name) if keeps(name, value) else value for name, value in proposed.items()}
    return _with_unknowns(dict(proposed), short)


def _with_unknowns(value, short):
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, list):
        return [_with_unknowns(each, short) for each in value]
    for name, (flags, _) in short["a"].items():
        if "c" in flags and value.get(name) is None:
            value[name] = Unknown()
    for name, (*_, inner) in short.get("b", {}).items():
        value[name] = _with_unknowns(value.get(name), inner)
    return value


def updated(kind, plan, configuration):
    """A resource after an apply that changed it in place: as it would be read."""
    return read_back(kind, _without_unknowns(plan), configuration)


def _without_unknowns(value):
    if isinstance(value, Unknown):
        return None
    if isinstance(value, list):
        return [_without_unknowns(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_unknowns(each) for name, each in value.items()}
    return value


def applied(short, kind, plan, configuration, maker):
    """A new resource after an apply: nothing is unknown any more."""
    known = {name: value for name, value in plan.items() if not isinstance(value, Unknown)}
    values, identity = maker.values(kind, known, configuration)
    out = {}
    for name, value in plan.items():
        if name not in short["a"]:
            out[name] = _settled_block(value, short["b"][name][3], identity)
            continue
        flags, attribute = short["a"][name]
        made_up = isinstance(value, Unknown) and name in values and (attribute == "string" or not isinstance(values[name], str))
        out[name] = values[name] if made_up else _settled(value, flags, attribute, f"{name}-of-{identity}")
    return read_back(kind, out, configuration)


def _settled(value, flags, kind, text):
    """A known value for an unknown one; an optional number or bool is left unset."""
    if not isinstance(value, Unknown):
        return value
    if flags == "c" or kind == "string":
        return placeholder(kind, text)
    if isinstance(kind, list):
        return {} if kind[0] == "map" else []
    return None


def _settled_block(value, short, identity):
    if value is None:
        return None
    if isinstance(value, Unknown):
        return []
    if isinstance(value, list):
        return [_settled_block(each, short, identity) for each in value]
    out = {}
    for name, inner in value.items():
        if name not in short["a"]:
            out[name] = _settled_block(inner, short["b"][name][3], identity)
            continue
        flags, kind = short["a"][name]
        unset = isinstance(inner, Unknown) and flags == "oc" and kind == "string"
        out[name] = None if unset else _settled(inner, flags, kind, f"{name}-of-{identity}")
    return out


def placeholder(kind, text):
    """Some value of a type."""
    if isinstance(kind, str):
        return {"string": text, "number": 0, "bool": False}.get(kind)
    if kind[0] in ("list", "set"):
        return [placeholder(kind[1], text)]
    if kind[0] == "object":
        return {name: placeholder(each, f"{text}-{name}") for name, each in kind[1].items()}
    return {}

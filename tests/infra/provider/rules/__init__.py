"""What the AWS provider, or AWS itself, checks and a schema does not say.

`values` has the rules on one value, `policies` those on policy documents, `resources` those on
several values of a resource. A rule sees the configuration: what nobody set is None, and what is
known after an apply only is Unknown; neither is judged. Only types that infra/ uses have rules; a
new type there gets some here.
"""

from rules.resources import RESOURCES
from rules.values import EXACTLY_ONE, VALUES, at
from wire import Unknown


def check(kind, configuration):
    """(severity, text, path) of each finding on a resource."""
    found = []

    def error(text, path=(), severity="error"):
        found.append((severity, f"{kind}: {text}", [step for step in path if isinstance(step, str)][:1]))

    for path, rule in VALUES.get(kind, {}).items():
        for value in at(configuration, path):
            for severity, text in rule(value):
                error(f"{path} {text}", path.removesuffix("[]").split("."), severity)
    for group in EXACTLY_ONE.get(kind, []):
        given = [configuration.get(name) for name in group if configuration.get(name) not in (None, "", [])]
        known = [value for value in given if not isinstance(value, Unknown)]
        if len(known) > 1 or not given:
            error(f"exactly one of {', '.join(group)} may be set", group)
    if kind in RESOURCES:
        RESOURCES[kind](configuration, error)
    return found

#!/usr/bin/env python3
"""The AWS provider's schemas, in a short form, and how they are told to Terraform.

In the short form a block is {"a": {ATTRIBUTE: [FLAGS, TYPE]}, "b": {BLOCK: [NESTING, MIN, MAX,
INNER]}}: flags are `r` (required), `o` (optional), `c` (computed) and `oc`; a type is Terraform's
own JSON. Beside this file is that of all resources and data sources of hashicorp/aws, by its
version; it was taken from the npm package cdktn-provider-aws (MPL-2.0), which is made from the
provider's schema. Another version is written from what the provider says itself, where one can be
downloaded:

    terraform providers schema -json | tests/infra/provider/schema.py VERSION
"""

import gzip
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
NESTING = {"single": 1, "list": 2, "set": 3}


def newest():
    """(version, file) of the newest schemas here."""
    files = {path.name.removeprefix("aws-").removesuffix(".json.gz"): path for path in HERE.glob("aws-*.json.gz")}
    version = max(files, key=lambda name: [int(part) for part in name.split(".")])
    return version, files[version]


def everything():
    """All of the newest schemas."""
    with gzip.open(newest()[1]) as opened:
        return json.load(opened)


def of_types(types):
    """The newest schemas of these resource and data types, and of the provider itself: the rest only
    costs time.
    """
    schemas = everything()
    return {
        "provider": schemas["provider"],
        **{kind: {t: s for t, s in schemas[kind].items() if t in types} for kind in ("resources", "data")},
    }


def types_in(folder, kinds="resource|data"):
    """The AWS types that the Terraform files below a folder declare."""
    declared = re.compile(rf'^(?:{kinds}) "(aws_\w+)"', re.MULTILINE)
    return {found for path in folder.rglob("*.tf") for found in declared.findall(path.read_text())}


def response(schema):
    """What GetSchema answers."""
    # Here alone is `wire` needed, and with it a package that writing the short form does without.
    from wire import message, number, text

    def block(short):
        out = b""
        for name, (flags, kind) in short["a"].items():
            attribute = text(1, name) + message(2, json.dumps(kind).encode())
            out += message(2, attribute + number(4, flags == "r") + number(5, "o" in flags) + number(6, "c" in flags))
        for name, (nesting, least, most, inner) in short.get("b", {}).items():
            bounds = b"" if nesting == "single" else number(4, least) + number(5, most)
            out += message(3, text(1, name) + message(2, block(inner)) + number(3, NESTING[nesting]) + bounds)
        return out

    out = message(1, message(2, block(schema["provider"])))
    # Blocks named provider_meta, that version 6 of the provider takes.
    out += message(5, message(2, block({"a": {"user_agent": ["o", ["list", "string"]]}})))
    for field, kind in ((2, "resources"), (3, "data")):
        for name, short in schema[kind].items():
            out += message(field, text(1, name) + message(2, message(2, block(short))))
    return out


def shortened(block):
    """The short form of a block as `terraform providers schema -json` has it."""
    flags = lambda a: (
        "r" if a.get("required") else ("o" if a.get("optional") else "") + ("c" if a.get("computed") else "")
    )
    short = {
        "a": {
            name: [flags(attribute), attribute.get("type") or nested_type(attribute["nested_type"])]
            for name, attribute in block.get("attributes", {}).items()
        }
    }
    if inner := block.get("block_types"):
        short["b"] = {
            name: [b["nesting_mode"], b.get("min_items", 0), b.get("max_items", 0), shortened(b["block"])]
            for name, b in inner.items()
        }
    return short


def nested_type(nested):
    """An attribute that is made of attributes, as the type of its value."""
    fields = {n: a.get("type") or nested_type(a["nested_type"]) for n, a in nested["attributes"].items()}
    kind = ["object", fields]
    return kind if nested["nesting_mode"] == "single" else [nested["nesting_mode"], kind]


def main():
    [version] = sys.argv[1:] or sys.exit(__doc__)
    [said] = json.load(sys.stdin)["provider_schemas"].values()
    short = {
        "provider": shortened(said["provider"]["block"]),
        "resources": {name: shortened(s["block"]) for name, s in said["resource_schemas"].items()},
        "data": {name: shortened(s["block"]) for name, s in said["data_source_schemas"].items()},
    }
    data = json.dumps(short, separators=(",", ":"), sort_keys=True).encode()
    # No time in it: the same schemas give the same file.
    (HERE / f"aws-{version}.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()

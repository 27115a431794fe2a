"""Terraform's plugin protocol on the wire: protocol buffers by hand, and its values in MessagePack.

Only what tfplugin5.proto has and this provider uses:
https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol
"""

import json

import msgpack

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class Unknown:
    """A value that is known after an apply only. It keeps what Terraform said of it (its
    refinements).
    """

    def __init__(self, code=0, data=b"\0"):
        self.code, self.data = code, data

    def __repr__(self):
        return "<unknown>"


def varint(number):
    out = bytearray()
    while True:
        low = number & 0x7F
        number >>= 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def message(field, data):
    """A field that holds a message or bytes."""
    return varint(field << 3 | LENGTH) + varint(len(data)) + data


def text(field, value):
    return message(field, value.encode()) if value else b""


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def parse(data):
    """The fields of a message, each with all its values in order."""
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        shift = result = 0
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return result

    while at < len(data):
        key = read_varint()
        field, kind = key >> 3, key & 7
        if kind == VARINT:
            value = read_varint()
        else:
            size = {LENGTH: read_varint, FIXED64: lambda: 8, FIXED32: lambda: 4}[kind]()
            value, at = data[at : at + size], at + size
        fields.setdefault(field, []).append(value)
    return fields


def decoded(data):
    """The value in a DynamicValue."""
    fields = parse(data)
    if fields.get(1, [b""])[0]:
        return msgpack.unpackb(fields[1][0], ext_hook=Unknown, strict_map_key=False, raw=False)
    if fields.get(2, [b""])[0]:
        return json.loads(fields[2][0])
    return None


def encoded(value):
    """A DynamicValue that holds this."""
    packed = msgpack.packb(value, default=lambda u: msgpack.ExtType(u.code, u.data), use_bin_type=True)
    return message(1, packed)


def path(steps):
    """The way to an attribute."""
    return b"".join(message(1, text(1, step)) for step in steps)


def diagnostic(severity, summary, steps):
    """An error or a warning on the argument at this path."""
    at = message(4, path(steps)) if steps else b""
    return number(1, {"error": 1, "warning": 2}[severity]) + text(2, summary) + at

"""Checks of JSON that the parser does not make: how deep it is, and whether an object names a member twice.

RFC 8259 leaves duplicate names to the reader, so two readers of one request can disagree about what it says; RFC 7493
(I-JSON) section 2.3 forbids them. Depth has a limit because later readers recurse.
"""

import re
from typing import Any

import msgspec

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_encode = msgspec.json.Encoder().encode


def depth_exceeds(text: bytes, limit: int) -> bool:
    """Whether well-formed JSON nests deeper than `limit` arrays and objects."""
    if text.count(b"{") + text.count(b"[") <= limit:
        return False
    # Each pass takes away the innermost pairs, and so one level: a megabyte of brackets costs milliseconds.
    brackets = _STRING.sub(b"", text).translate(_ALIKE, _NO_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def repeats_a_name(text: bytes, value: Any) -> bool:
    """Whether some object in well-formed JSON `text` names a member twice, given what it was decoded to.

    A decoder keeps one of the two, so the value is written with fewer colons than the text has. Look at the depth first:
    an encoder recurses.
    """
    return _colons(text) != _colons(_encode(value))


def _colons(text: bytes) -> int:
    return _STRING.sub(b"", text).count(b":")

"""Parts of a JSON text as they are written: numbers keep all their digits, and what is passed over is not built."""

from collections.abc import Sequence

import msgspec

from workers.backends.rest.dadl.json_path import Segment
from workers.backends.rest.selecting import NotThere, select

Json = bytes | msgspec.Raw
"""JSON text."""

OBJECT, ARRAY = ord("{"), ord("[")
_SPACE = ord(" ")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any = msgspec.json.Decoder(msgspec.Raw).decode
_values = msgspec.json.Decoder().decode


class TooMany(ValueError):
    """An array or object with more in it than is looked at one by one: each becomes an object for a moment."""


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooMany)
"""What every function here raises for what is no JSON, is nested too deep or has too much in it."""
_ITEMS_MAX = 800_000
_MEMBERS_MAX = 300_000
_EXPLAINED_BYTES_MAX = 1024 * 1024
"""Of a larger document it is not said where a path ends in it: for that all of it is built."""


def check(document: bytes) -> None:
    """Whether it is JSON."""
    _any(document)


def taken(segments: Sequence[Segment], document: bytes) -> bytes:
    """What `select` finds, as it is written. Raises NotThere."""
    found: Sequence[Json] = [document]
    several = False
    for segment in segments:
        if segment is True:
            several = True
            found = [child for node in found for child in children(node)]
            continue
        next_ones = [child for node in found if (child := child_of(node, segment)) is not None]
        if not next_ones and not several:
            if len(document) <= _EXPLAINED_BYTES_MAX:
                select(segments, _values(document))  # says why
            raise NotThere("something on the way is not there")
        found = next_ones
    return joined(found) if several else bytes(found[0])


def children(node: Json) -> Sequence[msgspec.Raw]:
    """All members or items."""
    kind = kind_of(node)
    if kind == OBJECT:
        return list(members_of(node).values())
    return items_of(node) if kind == ARRAY else ()


def child_of(node: Json, segment: str | int) -> msgspec.Raw | None:
    """A member or an item."""
    if isinstance(segment, str):
        return members_of(node).get(segment) if kind_of(node) == OBJECT else None
    if kind_of(node) != ARRAY:
        return None
    items = items_of(node)
    return items[segment] if -len(items) <= segment < len(items) else None


def members_of(node: Json) -> dict[str, msgspec.Raw]:
    """Of an object."""
    if len(memoryview(node)) > _MEMBERS_MAX and bytes(node).count(b":") > _MEMBERS_MAX:
        raise TooMany
    return _members(node)


def items_of(node: Json) -> list[msgspec.Raw]:
    """Of an array."""
    if len(memoryview(node)) > _ITEMS_MAX and bytes(node).count(b",") > _ITEMS_MAX:
        raise TooMany
    return _items(node)


def kind_of(node: Json) -> int:
    """The first character: OBJECT, ARRAY, or that of something else; 0 where there is none."""
    first: int = memoryview(node)[0] if len(memoryview(node)) else _SPACE
    return first if first > _SPACE else (bytes(node).lstrip() or b"\0")[0]


def joined(items: Sequence[Json]) -> bytes:
    """An array of them."""
    return b"[" + b",".join(bytes(item) for item in items) + b"]"

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
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What every function here raises for what is no JSON, or is nested too deep."""


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
            select(segments, _values(document))  # says why
            raise NotThere("there is nothing")
        found = next_ones
    return joined(found) if several else bytes(found[0])


def children(node: Json) -> Sequence[msgspec.Raw]:
    """All members or items."""
    kind = kind_of(node)
    if kind == OBJECT:
        return list(_members(node).values())
    return _items(node) if kind == ARRAY else ()


def child_of(node: Json, segment: str | int) -> msgspec.Raw | None:
    """A member or an item."""
    if isinstance(segment, str):
        return _members(node).get(segment) if kind_of(node) == OBJECT else None
    if kind_of(node) != ARRAY:
        return None
    items = _items(node)
    return items[segment] if -len(items) <= segment < len(items) else None


def members_of(node: Json) -> dict[str, msgspec.Raw]:
    """Of an object."""
    return _members(node)


def items_of(node: Json) -> list[msgspec.Raw]:
    """Of an array."""
    return _items(node)


def kind_of(node: Json) -> int:
    """The first character: OBJECT, ARRAY, or that of something else."""
    first: int = memoryview(node)[0]
    return first if first > _SPACE else bytes(node).lstrip()[0]


def joined(items: Sequence[Json]) -> bytes:
    """An array of them."""
    return b"[" + b",".join(bytes(item) for item in items) + b"]"

"""What a JSONPath of our dialect (`dadl/json_path.py`) means in a document that was read from JSON (RFC 9535)."""

import re
from collections.abc import Sequence
from typing import Any

from workers.backends.rest.dadl.json_path import Segment

_PLAIN = re.compile(r"[^\W\d]\w*")


MISSING = object()
"""In the place of a value that is not there."""


class NotThere(ValueError):
    """The document has nothing at that path. The text says where it ends, and shows nothing but what the path names."""


def select(segments: Sequence[Segment], document: Any) -> Any:
    """The value at a path. Raises NotThere.

    `null` is a value. With `[*]` it is the list of all that is found, which may be empty: what has no member of the name
    that follows is passed over.
    """
    for at, segment in enumerate(segments):
        if segment is True:
            return _select_all(segments[at:], document)
        if not _has(document, segment):
            raise NotThere(_why(segments[:at], segment, document))
        document = document[segment]
    return document


def written(segments: Sequence[Segment]) -> str:
    """The path as a file may write it."""
    return "$" + "".join(_written(segment) for segment in segments)


def _select_all(segments: Sequence[Segment], document: Any) -> list[Any]:
    found = [document]
    for segment in segments:
        if segment is True:
            found = [child for node in found for child in _children(node)]
        else:
            found = [node[segment] for node in found if _has(node, segment)]
    return found


def _children(node: Any) -> Sequence[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else ()


def _has(node: Any, segment: Segment) -> bool:
    if isinstance(segment, str):
        return isinstance(node, dict) and segment in node
    return isinstance(node, list) and -len(node) <= segment < len(node)


def _why(before: Sequence[Segment], segment: Segment, node: Any) -> str:
    where = written(before)
    if isinstance(segment, str):
        has = f"has no member `{segment}`" if isinstance(node, dict) else f"is {_kind(node)}, not an object"
    else:
        has = (
            f"has {len(node)} items, and none at {segment}" if isinstance(node, list) else f"is {_kind(node)}, not an array"
        )
    return f"`{where}` {has}"


def _kind(node: Any) -> str:
    if node is None:
        return "null"
    if isinstance(node, bool):
        return "a boolean"
    kinds: tuple[tuple[type, str], ...] = ((dict, "an object"), (list, "an array"), (str, "a text"))
    return next((name for kind, name in kinds if isinstance(node, kind)), "a number")


def _written(segment: Segment) -> str:
    if segment is True:
        return "[*]"
    if isinstance(segment, int):
        return f"[{segment}]"
    return f".{segment}" if _PLAIN.fullmatch(segment) else "['" + segment.replace("'", "\\'") + "']"

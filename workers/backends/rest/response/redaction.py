"""What `redact` names is taken out: each value at one of its paths becomes `[REDACTED]` (DADL 0.2, response)."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from workers.backends.rest.dadl.json_path import Segment, parse_json_path
from workers.backends.rest.response.selection import ARRAY, OBJECT, Json, check, items_of, joined, kind_of, members_of

REDACTED = msgspec.Raw(b'"[REDACTED]"')
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _All(Enum):
    """`[*]` in a tree. (`True` would be the same key as the index 1.)"""

    OF_THEM = "*"


Tree = dict[str | int | _All, "Tree | None"]
"""Where to go on; None: this is to be taken out."""


class Redaction:
    """The paths of one tool."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Raises ValueError for what is no path."""
        self._whole = False
        self._tree: Tree = {}
        names = set()
        for path in paths:
            segments = parse_json_path(path)
            self._add(segments)
            names.update([named[-1]] if (named := [s for s in segments if isinstance(s, str)]) else [])
        self._names = frozenset(names)

    def of(self, document: bytes) -> bytes:
        """The document without them; a path that leads nowhere takes nothing out. Raises what `selection` says."""
        check(document)
        return bytes(REDACTED if self._whole else _without(document, self._tree))

    def of_metadata(self, document: bytes) -> bytes:
        """Of what stands beside the document, where the paths do not lead: without everything, at any depth, that is
        called as what they lead to."""
        if self._whole or not self._names:
            return bytes(REDACTED)
        return _encode(_without_names(_decode(document), self._names))

    def _add(self, segments: Sequence[Segment]) -> None:
        if not segments:
            self._whole = True
            return
        tree = self._tree
        *way, last = (_All.OF_THEM if segment is True else segment for segment in segments)
        for step in way:
            below = tree.setdefault(step, {})
            if below is None:
                return  # what is above it is taken out
            tree = below
        tree[last] = None


def _without(node: Json, tree: Tree) -> Json:
    kind = kind_of(node)
    if kind == OBJECT:
        return _object_without(node, tree)
    if kind == ARRAY:
        items = items_of(node)
        for step, below in tree.items():
            if step is _All.OF_THEM:
                items = [_below(item, below) for item in items]
            elif isinstance(step, int) and -len(items) <= step < len(items):
                items[step] = _below(items[step], below)
        return joined(items)
    return node


def _object_without(node: Json, tree: Tree) -> Json:
    members = members_of(node)
    found = False
    for step, below in tree.items():
        for name in members if step is _All.OF_THEM else (step,):
            if isinstance(name, str) and name in members:
                members[name] = _below(members[name], below)
                found = True
    return _encode(members) if found else node


def _below(node: msgspec.Raw, below: Tree | None) -> msgspec.Raw:
    if below is None:
        return REDACTED
    left = _without(node, below)
    return left if isinstance(left, msgspec.Raw) else msgspec.Raw(left)


def _without_names(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: REDACTED if key in names else _without_names(below, names) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_names(each, names) for each in value]
    return value

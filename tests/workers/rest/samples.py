"""Documents that a jq program can be run on, made from the program: what it names is there, in a few shapes."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from workers.backends.rest.dadl.json_path import parse_json_path

LEAF = "leaf"
"""What stands in every place of a sample that holds no more."""
_CHAIN = re.compile(r'(?:\.(?:[A-Za-z_]\w*|"[^"]+"))+')
_STEP = re.compile(r'\.([A-Za-z_]\w*|"[^"]+")')
_BARE = re.compile(r"[{,]\s*([A-Za-z_]\w*)\s*(?=[,}])")
_EMPTY = re.compile(r"\s*//\s*(\[\]|\{\})")


def samples(program: str) -> Iterator[Any]:
    """Candidates: an object with all that the program names, a list of such, a mapping of such to keys."""
    item = _item(program)
    yield from ([item, item], {"one": item, "two": item}, item)


def wrapped(document: Any, result_path: str | None) -> bytes:
    """An answer in which `result_path` finds the document."""
    for segment in reversed(parse_json_path(result_path) if result_path else ()):
        document = {segment: document} if isinstance(segment, str) else [document]
    return msgspec.json.encode(document)


def _item(program: str) -> dict[str, Any]:
    flat: dict[str, Any] = dict.fromkeys(_BARE.findall(program), LEAF)
    for found in _CHAIN.finditer(program):
        for name in _STEP.findall(found[0]):
            flat.setdefault(name.strip('"'), LEAF)
    item = dict(flat)
    for found in _CHAIN.finditer(program):
        names = [name.strip('"') for name in _STEP.findall(found[0])]
        if names[0] in ("value", "key"):
            names = names[1:]  # of `to_entries`
        empty = _EMPTY.match(program, found.end())
        inner = LEAF if empty is None else [flat] if empty[1] == "[]" else {"one": flat}
        _put(item, names, inner)
    return item


def _put(item: dict[str, Any], names: list[str], inner: Any) -> None:
    for name in names[:-1]:
        if not isinstance(item.get(name), dict):
            item[name] = {}
        item = item[name]
    if names and not isinstance(item.get(names[-1]), dict | list):
        item[names[-1]] = inner

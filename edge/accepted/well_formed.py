"""A definition with the members that MCP's `Tool` has as what they are there: what is something else is dropped.

A client that reads lists into typed objects would lose all tools for one of them.
"""

import re
from typing import Any

Item = dict[str, Any]
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def well_formed(described: Item) -> Item:
    """Without members of another type than MCP's (2026-07-28, `Tool`); the same where all are right."""
    bad = [name for name, fits in _FITS.items() if name in described and not fits(described[name])]
    return {name: value for name, value in described.items() if name not in bad} if bad else described


def titled(described: Item, name: str) -> Item:
    """With a title for people: its own, that of its annotations, or its name in words."""
    if described.get("title"):
        return described
    annotations = described.get("annotations")
    said = annotations.get("title") if isinstance(annotations, dict) else None
    title = said if isinstance(said, str) and said else in_words(name)
    return {**described, "title": title} if title else described


def in_words(name: str) -> str:
    """A name as a title: `list_pullRequests` is "List pull requests"."""
    if not any(map(str.isupper, name)):
        text = _BETWEEN.sub(" ", name).strip()
        return text[:1].upper() + text[1:]
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(name)]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _are_icons(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(icon, dict) and isinstance(icon.get("src"), str) for icon in value)


_FITS = {
    "title": _is_text,
    "description": _is_text,
    "outputSchema": _is_object,
    "execution": _is_object,
    "icons": _are_icons,
    "_meta": _is_object,
}

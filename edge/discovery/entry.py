"""One tool as it is found: what it is called, what it says of itself, and the words that it is found by."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from edge.accepted.subschemas import every
from edge.discovery.index import Fields, fields
from edge.discovery.js_names import js_name
from edge.tool import Tool
from shared.catalogue import UNRANKED

_SAID_CHARS_MAX = 4_000
"""Of a description, for the index."""
_SCHEMAS_MAX = 300
_ENUM_MAX = 50
_SUMMARY_CHARS_MAX = 160
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


class Entry:
    """Made once for each tool of a catalogue."""

    __slots__ = ("declared", "description", "fields", "js_name", "name", "summary", "tool")

    def __init__(self, name: str, tool: Tool) -> None:
        """`name`: by which it is called."""
        self.name = name
        self.js_name = js_name(name)
        self.tool = tool
        described = tool.listed_plain
        self.description = str(described.get("description") or described.get("title") or "")
        """Its own words, as long as they are."""
        self.summary = _first_sentence(self.description)
        self.declared = ""
        """As it was last shown in full among others, for the next who asks."""
        meta = described.get("_meta")
        if isinstance(meta, dict) and meta.get(UNRANKED) is True:
            self.fields: Fields = fields("", "", "")
            return
        said = f"{described.get('title', '')} {self.description[:_SAID_CHARS_MAX]}"
        self.fields = fields(name, said, " ".join(_named(tool.input_schema)))


def _first_sentence(text: str) -> str:
    plain = " ".join(text.split())
    sentence = _SENTENCE_END.split(plain, maxsplit=1)[0]
    if len(sentence) <= _SUMMARY_CHARS_MAX:
        return sentence
    return sentence[: _SUMMARY_CHARS_MAX - 1].rstrip() + "…"


def _named(schema: dict[str, Any]) -> Iterator[str]:
    """Names of parameters, at any depth, and values of enumerations."""
    for node, _ in islice(every(schema), _SCHEMAS_MAX):
        properties, values = node.get("properties"), node.get("enum")
        if isinstance(properties, dict):
            yield from properties
        if isinstance(values, list):
            yield from (value for value in values[:_ENUM_MAX] if isinstance(value, str))

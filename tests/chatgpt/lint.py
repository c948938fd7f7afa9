"""What ChatGPT, and the other agents, can't take in a list of tools: one bad tool costs the whole connector, or is dropped
without a word."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_HINTS = ("readOnlyHint", "destructiveHint", "openWorldHint")
_SCHEMA_BYTES_MAX = 16_384
_TOKENS_MAX = 5_000
_CHARACTERS_A_TOKEN = 4
_DESCRIPTION_CHARACTERS_MAX = 2_048


def complaints(tools: list[dict[str, Any]]) -> list[str]:
    """One line for each thing that is wrong, with the tool's name."""
    twice = [f"{name}: listed {times} times" for name, times in Counter(t["name"] for t in tools).items() if times > 1]
    return twice + [f"{tool['name']}: {wrong}" for tool in tools for wrong in _wrong(tool)]


def _wrong(tool: dict[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(tool["name"]):
        yield "a name that no function may have"
    schema = tool["inputSchema"]
    if _size(schema) > _SCHEMA_BYTES_MAX:
        yield f"a schema of more than {_SCHEMA_BYTES_MAX} bytes"
    counted = {name: tool.get(name, "") for name in ("name", "description", "inputSchema")}
    if _size(counted) / _CHARACTERS_A_TOKEN >= _TOKENS_MAX:
        yield f"{_TOKENS_MAX} tokens or more"
    if len(tool.get("description", "")) > _DESCRIPTION_CHARACTERS_MAX:
        yield f"a description of more than {_DESCRIPTION_CHARACTERS_MAX} characters"
    hints = tool.get("annotations", {})
    yield from (f"no {hint}" for hint in _HINTS if not isinstance(hints.get(hint), bool))
    yield from _wrong_at_root(schema)
    yield from _wrong_below(schema)
    if not tool.get("securitySchemes") or tool["securitySchemes"] != tool.get("_meta", {}).get("securitySchemes"):
        yield "nothing to step up by: securitySchemes at the tool, and the same in its _meta"
    output = tool.get("outputSchema")
    if output is not None and output.get("type") != "object":
        yield "an outputSchema that is no object"


def _wrong_at_root(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("type") != "object":
        yield "a schema that is no object"
    yield from (f"{word} at the root" for word in ("anyOf", "oneOf", "allOf") if word in schema)


def _wrong_below(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _wrong_below(each)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield "a $ref to somewhere else"
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from (f"a property called {name!r}" for name in properties if not _PROPERTY.fullmatch(name))
        for each in node.values():
            yield from _wrong_below(each)


def _size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())

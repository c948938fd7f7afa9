"""`Mcp-Param-*`: arguments that a tool wants repeated as headers (`x-mcp-header` in its input schema).

MCP 2026-07-28, basic/transports, "Custom headers" (SEP-2243): only on properties that the root reaches through
`properties` alone, only strings, integers and booleans, every name once. A tool that breaks this is not to be used.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from workers.backends.mcp_protocol.wire import header_value

HeaderMap = Mapping[tuple[str, ...], str]
"""Path of a property → the header that carries its value."""

_KEYWORD = "x-mcp-header"
_PREFIX = "Mcp-Param-"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_TYPES = ("string", "integer", "boolean")

_ONE = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


class _Tool(msgspec.Struct):
    inputSchema: dict[str, Any]  # noqa: N815 (MCP's name)


_tools = msgspec.json.Decoder(_Tool)
_arguments = msgspec.json.Decoder(dict[str, Any])


def declared_headers(definition: bytes) -> HeaderMap:
    """Which arguments of a tool go into which headers. Raises ValueError, with the reason, for a wrong declaration."""
    if _KEYWORD.encode() not in definition and b"\\" not in definition:
        return {}
    found: dict[tuple[str, ...], str] = {}
    seen: set[str] = set()
    for path, schema in _positions(_tools.decode(definition).inputSchema):
        if _KEYWORD not in schema:
            continue
        token = schema[_KEYWORD]
        if not path:
            raise ValueError(f"{_KEYWORD} stands where no chain of `properties` leads")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ValueError(f"{_KEYWORD} is not a header name")
        if schema.get("type") not in _TYPES:
            raise ValueError(f"{_KEYWORD} is only for strings, integers and booleans")
        if token.lower() in seen:
            raise ValueError(f"two properties name the header {token}")
        seen.add(token.lower())
        found[path] = _PREFIX + token
    return found


def _positions(root: dict[str, Any]) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Every schema within a schema, with its path of properties; None where another keyword was crossed."""
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), root)]
    while waiting:
        path, schema = waiting.pop()
        if not isinstance(schema, dict):
            continue
        yield path, schema
        for keyword, value in schema.items():
            if keyword == "properties" and isinstance(value, dict):
                waiting.extend((None if path is None else (*path, k), v) for k, v in value.items())
            elif keyword in _ONE:
                waiting.append((None, value))
            elif keyword in _LIST and isinstance(value, list):
                waiting.extend((None, v) for v in value)
            elif keyword in _MAP and isinstance(value, dict):
                waiting.extend((None, v) for v in value.values())


def parameter_headers(headers: HeaderMap, arguments: bytes) -> dict[str, str]:
    """The headers of one call: those of the declared arguments that are there and not null."""
    given = _arguments.decode(arguments)
    found: dict[str, str] = {}
    for path, header in headers.items():
        value: Any = given
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, bool):
            found[header] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            found[header] = header_value(str(value))
    return found

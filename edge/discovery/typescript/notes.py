"""What a schema says beside its type, in words for a doc comment."""

from typing import Any

from edge.discovery.typescript.text import literal, shortened

_LIMITS = (
    ("format", "Format"),
    ("pattern", "Pattern"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "More than"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "Less than"),
    ("multipleOf", "Multiple of"),
    ("minLength", "Characters at least"),
    ("maxLength", "Characters at most"),
    ("minItems", "Items at least"),
    ("maxItems", "Items at most"),
    ("default", "Default"),
)
_VALUE_CHARS_MAX = 80
_SAID_CHARS_MAX = 200


def notes(schema: Any) -> str:
    """Description, limits and default; empty where there are none. The same for the items of an array."""
    if not isinstance(schema, dict):
        return ""
    said = schema.get("description")
    parts = [shortened(said.strip(), _SAID_CHARS_MAX)] if isinstance(said, str) and said.strip() else []
    parts += _facts(schema)
    items = schema.get("items")
    if isinstance(items, dict) and (facts := _facts(items)):
        parts.append(f"Each: {' '.join(facts)}")
    return " ".join(part if part.endswith((".", "!", "?", "…")) else f"{part}." for part in parts)


def _facts(schema: dict[str, Any]) -> list[str]:
    found = [
        f"{words}: {shortened(literal(schema[keyword]), _VALUE_CHARS_MAX)}."
        for keyword, words in _LIMITS
        if schema.get(keyword) is not None and not isinstance(schema[keyword], bool)
    ]
    if isinstance(schema.get("default"), bool):
        found.append(f"Default: {literal(schema['default'])}.")
    if schema.get("uniqueItems") is True:
        found.append("No item twice.")
    if schema.get("deprecated") is True:
        found.append("Deprecated.")
    return found

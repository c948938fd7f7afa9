"""What does not fit a tool's schema, in words that name the argument and never show its value."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.yaml_structs import nearest

_TEXT_CHARS_MAX = 300
"""Of a message or a pointer: both may hold names that the caller made up."""
_NAME_CHARS_MAX = 80
_NAMES_CHARS_MAX = 1_000
_UNKNOWN_MAX = 3


def misfit(error: Any, arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, str]:
    """`pointer` (RFC 6901) and `message` of an error of jsonschema_rs. `properties`: of the tool's schema."""
    pointer = "".join(f"/{_escape(part)}" for part in error.instance_path)
    message: str = error.message
    if list(error.schema_path) == ["additionalProperties"]:
        # Of a schema that takes no argument at all the error names none.
        unexpected = getattr(error.kind, "unexpected", None) or list(arguments)
        message = " ".join(_unknown(name, properties) for name in unexpected[:_UNKNOWN_MAX])
    return {"pointer": pointer[:_TEXT_CHARS_MAX], "message": message[:_TEXT_CHARS_MAX]}


def told(misfits: Sequence[Mapping[str, str]], properties: Mapping[str, Any]) -> str:
    """All of them as one text; where an argument's name is wrong or missing, with the names that there are."""
    text = "; ".join(f"{each['pointer'] or '(root)'}: {each['message'].rstrip('.')}" for each in misfits)
    text += "" if text.endswith("?") else "."
    return text if all(each["pointer"] for each in misfits) else f"{text} {_listed(properties)}"


def _unknown(name: str, properties: Mapping[str, Any]) -> str:
    return f"There is no argument `{name[:_NAME_CHARS_MAX]}`.{nearest(name[:_NAME_CHARS_MAX], properties)}"


def _listed(properties: Mapping[str, Any]) -> str:
    names, chars = [], 0
    for name in properties:
        chars += len(name) + 4
        if chars > _NAMES_CHARS_MAX:
            names.append("…")
            break
        names.append(f"`{name}`")
    return f"It takes {', '.join(names)}." if names else "It takes no arguments."


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")

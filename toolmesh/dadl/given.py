"""Arguments of a tool as they are typed: `name=value`, `name:=JSON`, `@file`; read by the tool's input schema."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_structs import nearest

_GIVEN = re.compile(r"(?P<name>[^=]+?)(?P<how>:=|=)(?P<value>.*)", re.DOTALL)
_TRUTHS = {"true": True, "false": False, "yes": True, "no": False}
_DESCRIPTION_CHARS_MAX = 80
_decode = msgspec.json.decode


def arguments_given(words: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What is typed, as values. A name that is given again adds to its list. Raises ConfigurationError, which names the
    argument and says what to write."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    found: dict[str, Any] = {}
    for word in words:
        if word.startswith("@"):
            found |= _of_file(word[1:])
            continue
        given = _GIVEN.fullmatch(word)
        if given is None:
            raise ConfigurationError(f"`{word[:60]}` is no argument. Write name=value, name:=JSON, or @file.")
        name = given["name"]
        if given["how"] == ":=":
            found[name] = _json(name, given["value"])
        elif isinstance(value := _typed(name, given["value"], properties.get(name, {})), list):
            found[name] = found[name] + value if isinstance(found.get(name), list) else value
        else:
            found[name] = value
    _check_names(found, properties, schema.get("required") or ())
    return found


def _check_names(found: Mapping[str, Any], properties: Mapping[str, Any], required: Sequence[str]) -> None:
    for name in found:
        if name not in properties:
            known = nearest(name, properties) or (f" It has {', '.join(properties)}." if properties else " It has none.")
            raise ConfigurationError(f"The tool has no argument `{name[:60]}`.{known}")
    if missing := [name for name in required if name not in found]:
        raise ConfigurationError(f"Missing: {'; '.join(_described(name, properties.get(name, {})) for name in missing)}.")


def _described(name: str, schema: Mapping[str, Any]) -> str:
    said = " ".join(str(schema.get("description", "")).split())
    kind = _kind(schema)
    return f"{name}={kind or 'value'}" + (f" ({said[:_DESCRIPTION_CHARS_MAX]})" if said else "")


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of an argument beside null; empty where it may be several, or none is said."""
    kind = schema.get("type")
    kinds = [each for each in (kind if isinstance(kind, list) else [kind]) if each != "null"]
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], str) else ""


def _typed(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    kind = _kind(schema)
    if kind == "boolean":
        if text.lower() not in _TRUTHS:
            raise ConfigurationError(f"`{name}` is a boolean. Write {name}=true or {name}=false.")
        return _TRUTHS[text.lower()]
    if kind in ("integer", "number"):
        return _number(name, text, kind)
    if kind == "object":
        return _json(name, text)
    if kind == "array":
        items = schema.get("items")
        listed = (
            _json(name, text) if text.startswith("[") else [_typed(name, text, items if isinstance(items, dict) else {})]
        )
        return listed if isinstance(listed, list) else [listed]
    return text


def _number(name: str, text: str, kind: str) -> Any:
    try:
        value = _decode(text)
    except msgspec.DecodeError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | float):
        whole = "a whole number" if kind == "integer" else "a number"
        raise ConfigurationError(f"`{name}` is {whole}. Write for instance {name}=3.")
    return value


def _json(name: str, text: str) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise ConfigurationError(
            f"What is given for `{name[:60]}` is no JSON. Write for instance {name[:60]}:='[1, 2]'."
        ) from None


def _of_file(path: str) -> dict[str, Any]:
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).expanduser().read_bytes()
        return _decode(raw, type=dict[str, Any])
    except OSError as error:
        raise ConfigurationError(f"@{path} can't be read: {error.strerror}. Name a file with a JSON object.") from None
    except (msgspec.DecodeError, RecursionError):
        raise ConfigurationError(f"@{path} holds no JSON object with arguments.") from None

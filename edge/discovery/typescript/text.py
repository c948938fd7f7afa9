"""Names, literals and comments as TypeScript has them, whatever is in them."""

import re
from typing import Any

import msgspec

from edge.discovery.js_names import is_identifier

_encode = msgspec.json.Encoder(order="deterministic").encode
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_SEPARATORS = {0x2028: "\\u2028", 0x2029: "\\u2029"}
_SPACES = re.compile(r"[ \t]+")


def property_name(name: str) -> str:
    """A name before a colon, quoted where it has to be."""
    return name if is_identifier(name) else literal(name)


def literal(value: Any) -> str:
    """A string, number, boolean or null as a literal."""
    return _encode(value).decode().translate(_SEPARATORS)


def comment(text: str, indent: str) -> str:
    """A doc comment of its own lines; empty for a text that says nothing."""
    plain = _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).replace("*/", "*\\/").strip()
    lines = [_SPACES.sub(" ", line).strip() for line in plain.split("\n")]
    if lines == [""]:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"


def in_line(text: str, chars_max: int) -> str:
    """A text as part of one line of a comment."""
    return shortened(" ".join(_CONTROLS.sub(" ", text).split()), chars_max).replace("*/", "*\\/")


def shortened(text: str, chars_max: int) -> str:
    """A text that is cut where it is longer, and says so by an ellipsis."""
    return text if len(text) <= chars_max else text[: chars_max - 1].rstrip() + "…"

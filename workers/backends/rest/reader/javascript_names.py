"""The names in a piece of JavaScript: identifiers outside of texts, comments and regular expressions, with their places.

A scan, no parser: it never fails, needs one pass, and where it can't tell it sees a name too many rather than one too few.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*(?:.*?\*/|.*))"
    r"|(?P<name>(?:[A-Za-z_$\u0080-\U0010ffff]|\\u)(?:[\w$\u0080-\U0010ffff]|\\u)*)"
    r"|(?P<number>[0-9][\w.]*)"
    r"|(?P<text>\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?)"
    r"|(?P<sign>\?\.|.)",
    re.DOTALL,
)
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[A-Za-z]*")
_TEMPLATE = re.compile(r"(?:\\.|\$(?!\{)|[^\\`$])*", re.DOTALL)
_BEFORE_A_REGEX = frozenset(
    ("return", "typeof", "case", "in", "of", "delete", "void", "instanceof", "new", "do", "else", "yield", "await")
)
_ENDS_A_VALUE = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier, or a text in brackets behind a value (`x["name"]`)."""

    text: str
    line: int
    """From 1, in the code."""
    owner: str
    """The identifier before the dot or bracket; empty for a name that stands alone, `?` where it is something else."""
    followed_by: str
    """The sign behind it; empty at the end."""
    is_key: bool = False
    """Whether it is the key of an object, as in `{name: 1}`, or may be: a label and a case look the same."""


@lru_cache(maxsize=16)
def names_in(code: str) -> tuple[Name, ...]:
    """All names, in their order. The last scripts are remembered: one is looked at for several things."""
    return tuple(_names(code))


def _names(code: str) -> Iterator[Name]:
    tokens = [token for token in _tokens(code) if token[0] != "space"]
    for at, (kind, text, line) in enumerate(tokens):
        before, further, first = (tokens[at - back] if at >= back else ("", "", 0) for back in (1, 2, 3))
        behind = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "name":
            dotted = before[1] in (".", "?.") and further[1] != "."
            owner = (further[1] if further[0] == "name" else "?") if dotted else ""
            key = not dotted and behind == ":" and before[1] in ("{", ",")
            yield Name(text, line, owner, behind, key)
        elif kind == "text" and before[1] == "[" and behind == "]":
            owned = further if further[1] != "?." else first
            if owned[0] == "name" or owned[1] in _ENDS_A_VALUE:
                yield Name(text.strip("\"'"), line, owned[1] if owned[0] == "name" else "?", "]")


def _tokens(code: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and line of each token; templates are told as the code inside of them."""
    at, line = 0, 1
    braces: list[int] = []
    """Open braces inside of each `${` that is open."""
    kind, text = "", ""
    while at < len(code):
        sign = code[at]
        if sign == "`" or (sign == "}" and braces and braces[-1] == 0):
            if sign == "}":
                braces.pop()
            end = _TEMPLATE.match(code, at + 1).end()  # type: ignore[union-attr]  # it matches nothing, too
            line += code.count("\n", at, end)
            if code.startswith("${", end):
                braces.append(0)
                end += 1
                kind, text = "sign", "{"
            else:
                kind, text = "text", "`"
            yield kind, "(" if text == "{" else text, line
            at = end + 1
            continue
        found = _TOKEN.match(code, at)
        assert found is not None
        if sign == "/" and found.lastgroup == "sign" and not _is_value(kind, text):
            found = _REGEX.match(code, at) or found
        if braces and found[0] in "{}":
            braces[-1] += 1 if found[0] == "{" else -1
        now = found.lastgroup or "text"
        if now != "space":
            kind, text = now, found[0]
        yield now, found[0], line
        line += found[0].count("\n")
        at = found.end()


def _is_value(kind: str, text: str) -> bool:
    """Whether a slash behind it divides."""
    if kind == "name":
        return text not in _BEFORE_A_REGEX
    return kind in ("number", "text") or (kind == "sign" and text in _ENDS_A_VALUE)

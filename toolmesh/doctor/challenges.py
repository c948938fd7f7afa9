"""The WWW-Authenticate header as challenges (RFC 9110 sections 11.2, 11.6.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf"({_WORD})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|({_WORD}))\s*(?:,\s*|$)")
_SCHEME = re.compile(rf"({_WORD})(?:[ \t]+|\s*(?:,\s*|$))")
_WORD68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,\s*|$)")
_CHARACTERS_MAX = 8 * 1024


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str]
    """By lower-case name."""


def challenges(header: str) -> list[Challenge] | None:
    """All challenges of a header; None where it can't be read as such."""
    text = header.strip()[:_CHARACTERS_MAX]
    found: list[Challenge] = []
    while text:
        scheme = _SCHEME.match(text)
        if scheme is None or _PARAMETER.match(text):
            return None
        text = text[scheme.end() :]
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(text):
            name = parameter[1].lower()
            if name in parameters:
                return None
            quoted = parameter[2]
            parameters[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else parameter[3]
            text = text[parameter.end() :]
        if not parameters and (token := _WORD68.match(text)) and "=" in token[0]:
            text = text[token.end() :]
        found.append(Challenge(scheme[1].lower(), parameters))
    return found

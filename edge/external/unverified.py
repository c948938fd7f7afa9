"""A token that says it is a JWT (RFC 7519; RFC 7515 section 3.1, compact), read without believing any of it."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.json_text import depth_exceeds, repeats_a_name

_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_DEPTH_MAX = 16


@dataclass(frozen=True, slots=True)
class Unverified:
    """What it says of itself."""

    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def issuer(self) -> str:
        """Whose it says it is; empty where it says nothing that can be."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


def read_unverified(token: str) -> Unverified | None:
    """What a token says; None for what is no signed JWT, is nested too deep, or says something twice."""
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        return None
    header, claims = _object(shape[1]), _object(shape[2])
    return Unverified(header, claims) if header is not None and claims is not None else None


def _object(part: str) -> dict[str, Any] | None:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        if depth_exceeds(text, _DEPTH_MAX):
            return None
        found = msgspec.json.decode(text)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and not repeats_a_name(text, found) else None

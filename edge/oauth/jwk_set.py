"""A set of public keys as somebody else publishes it (RFC 7517), looked at before a library is given any of it."""

import base64
from typing import Any

import msgspec

from shared.json_text import depth_exceeds

_KEYS_MAX = 32
_BITS_MIN, _BITS_MAX = 2048, 8192
_DEPTH_MAX = 8
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def public_entries(body: bytes) -> list[dict[str, Any]]:
    """The first keys of a set that are there to verify. Nothing where it is no set, or holds a private or shared key."""
    if depth_exceeds(body, _DEPTH_MAX):
        return []
    try:
        said: Any = msgspec.json.decode(body)
        entries = said["keys"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return []
    if not isinstance(entries, list) or any(not isinstance(e, dict) or _PRIVATE & e.keys() for e in entries):
        return []
    return [entry for entry in entries[:_KEYS_MAX] if entry.get("use", "sig") == "sig"]


def is_sound_rsa(entry: dict[str, Any]) -> bool:
    """Whether an RSA key is neither short nor so long that it takes its time; a library would warn of the one."""
    try:
        modulus = base64.urlsafe_b64decode(entry["n"] + "==")
    except (KeyError, TypeError, ValueError):
        return False
    return _BITS_MIN <= int.from_bytes(modulus).bit_length() <= _BITS_MAX

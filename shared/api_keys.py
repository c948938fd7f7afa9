"""API keys: `tmk_`, 256 random bits as 43 base62 digits, and a CRC32 of all that as 6 more.

The checksum lets a scanner for leaked secrets, and our own edge, tell a key from a typing error without asking anything.
Keys are stored as their SHA-256 alone: with 256 bits of entropy a slow hash would add nothing.
"""

import hashlib
import secrets
import string
import zlib

PREFIX = "tmk_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_DIGITS = 43
_CHECK_DIGITS = 6
_LENGTH = len(PREFIX) + _RANDOM_DIGITS + _CHECK_DIGITS


def new_api_key() -> str:
    """A fresh key."""
    body = PREFIX + _base62(secrets.randbits(256), _RANDOM_DIGITS)
    return body + _checksum(body)


def well_formed(key: str) -> bool:
    """Whether a string is shaped like one of our keys; says nothing of whether anybody knows it."""
    if len(key) != _LENGTH or not key.startswith(PREFIX) or not key.isascii() or not key[4:].isalnum():
        return False
    return _checksum(key[:-_CHECK_DIGITS]) == key[-_CHECK_DIGITS:]


def digest(key: str) -> str:
    """SHA-256 of the whole key string as 64 hex digits: `key_sha256` of `apikeys.yaml`."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    found = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        found.append(_ALPHABET[digit])
    return "".join(reversed(found))

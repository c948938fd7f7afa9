"""Passwords and their hashes: argon2id is written, argon2id, bcrypt and scrypt are known (`shared/password_hashes.py`).

2 passes over 19 MiB in one lane are the least that OWASP's password storage cheat sheet asks of argon2id. Everything here
takes tens of milliseconds or more: on the loop's thread nothing of it may run.
"""

import base64
import hashlib
import hmac
import secrets

import argon2
import bcrypt

from shared.password_hashes import BCRYPT_PASSWORD_BYTES_MAX, SCRYPT_BYTES_MAX, kind_of

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=argon2.Type.ID)
_LIKE_OURS = f"$argon2id$v=19$m={19 * 1024},t=2,p=1${'A' * 22}${'A' * 43}"
_BCRYPT_HEAD = 29
"""Characters of a bcrypt hash before the part that is made of the password."""
_BCRYPT_DIGITS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def hash_password(password: str) -> str:
    """An argon2id hash with a salt of its own, in the PHC string format."""
    return _HASHER.hash(_encoded(password))


def verify(stored: str, password: str) -> bool:
    """Whether a password is the one that a hash was made of. False for whatever is no hash that we know."""
    kind = kind_of(stored)
    encoded = _encoded(password)
    if kind == "argon2id":
        try:
            return argon2.low_level.verify_secret(stored.encode(), encoded, argon2.Type.ID)
        except argon2.exceptions.Argon2Error:
            return False
    if kind == "bcrypt":
        try:
            fits = bcrypt.checkpw(encoded[:BCRYPT_PASSWORD_BYTES_MAX], stored.encode())
        except ValueError:
            return False
        # bcrypt looks at no more than that: the rest of a longer password would count for nothing. It takes the same time.
        return fits and len(encoded) <= BCRYPT_PASSWORD_BYTES_MAX
    return kind == "scrypt" and _verify_scrypt(stored, encoded)


def needs_rehash(stored: str) -> bool:
    """Whether a hash is of another kind or cost than the ones that are written now."""
    return kind_of(stored) != "argon2id" or _HASHER.check_needs_rehash(stored)


def dummy_like(stored: str) -> str:
    """A hash that costs the same to check, and that no password fits. A hash that we don't know gives one of ours."""
    kind = kind_of(stored)
    if kind == "bcrypt":
        return stored[:_BCRYPT_HEAD] + "".join(secrets.choice(_BCRYPT_DIGITS) for _ in range(31))
    head, _, digest = stored.rpartition("$")
    if kind == "argon2id":
        length = len(digest) * 3 // 4
        return f"{head}${base64.b64encode(secrets.token_bytes(length)).decode().rstrip('=')}"
    if kind == "scrypt":
        return f"{head}${secrets.token_hex(len(digest) // 2)}"
    return dummy_like(_LIKE_OURS)


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _verify_scrypt(stored: str, encoded: bytes) -> bool:
    n, r, p, salt, wanted = stored.split("$")
    expected = bytes.fromhex(wanted)
    found = hashlib.scrypt(
        encoded,
        salt=bytes.fromhex(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        dklen=len(expected),
        maxmem=2 * SCRYPT_BYTES_MAX,
    )
    return hmac.compare_digest(found, expected)

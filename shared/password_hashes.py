"""What a stored hash of a password looks like, and what it may cost to check one. Nothing is hashed here.

bcrypt is what upstream's files hold, argon2id what we write (RFC 9106, in the PHC string format), and `n$r$p$salt$hash`
(scrypt, RFC 7914, in hex) what earlier versions kept of the password that they generated.
"""

import re
from typing import Literal

Kind = Literal["argon2id", "bcrypt", "scrypt"]

PASSWORD_BYTES_MAX = 1024
BCRYPT_PASSWORD_BYTES_MAX = 72
BCRYPT_COST_MAX = 15
"""A cost of 10 takes about 0.2 s of a processor; each step doubles it."""
ARGON2_MEMORY_KIB_MAX = 256 * 1024
ARGON2_PASSES_MAX = 32
ARGON2_LANES_MAX = 16
SCRYPT_BYTES_MAX = 64 * 1024 * 1024

_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)
_SCRYPT = re.compile(r"([0-9]{1,9})\$([0-9]{1,4})\$([0-9]{1,4})\$(?:[0-9a-f]{2}){8,64}\$(?:[0-9a-f]{2}){16,64}")


def kind_of(stored: str) -> Kind | None:
    """Which kind of hash a text is; None for anything else, and for one that would cost more than we spend."""
    if found := _BCRYPT.fullmatch(stored):
        return "bcrypt" if 4 <= int(found[1]) <= BCRYPT_COST_MAX else None
    if found := _ARGON2ID.fullmatch(stored):
        memory, passes, lanes = (int(part) for part in found.groups())
        fits = 8 * lanes <= memory <= ARGON2_MEMORY_KIB_MAX
        return "argon2id" if fits and 1 <= passes <= ARGON2_PASSES_MAX and 1 <= lanes <= ARGON2_LANES_MAX else None
    if found := _SCRYPT.fullmatch(stored):
        n, r, p = (int(part) for part in found.groups())
        fits = n > 1 and n & (n - 1) == 0 and r > 0 and 128 * n * r <= SCRYPT_BYTES_MAX
        return "scrypt" if fits and 1 <= p <= ARGON2_LANES_MAX else None
    return None

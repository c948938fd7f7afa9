"""The owner's credentials that `toolmesh up` makes on the first start. They are printed once; only hashes are kept."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.api_keys import digest, new_api_key
from shared.errors import ConfigurationError
from toolmesh.private_file import write_private

_FILE = "owner.json"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""16 MiB and about 50 ms (RFC 7914); the password has 144 random bits."""


class OwnerFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept."""

    api_key_sha256: str | None = None
    password_scrypt: str | None = None
    """`n$r$p$salt$hash`, salt and hash in hex."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner's credentials of one start."""

    api_key: str | None
    """The key itself, on the start that made it."""
    password: str | None
    """The password itself, on the start that made it."""
    key_sha256: str | None
    """What the edge is to know the generated key by."""


def prepare_owner(data: Path, *, make_key: bool, make_password: bool) -> Owner:
    """Read what an earlier start made, and make what is missing and wanted. Raises ConfigurationError."""
    path = data / _FILE
    kept = _read(path)
    key = new_api_key() if make_key and kept.api_key_sha256 is None else None
    password = secrets.token_urlsafe(18) if make_password and kept.password_scrypt is None else None
    if key or password:
        kept = OwnerFile(
            api_key_sha256=digest(key) if key else kept.api_key_sha256,
            password_scrypt=_hashed(password) if password else kept.password_scrypt,
        )
        write_private(path, msgspec.json.format(msgspec.json.encode(kept)).decode() + "\n")
    return Owner(api_key=key, password=password, key_sha256=kept.api_key_sha256)


def _read(path: Path) -> OwnerFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=OwnerFile)
    except FileNotFoundError:
        return OwnerFile()
    except (OSError, msgspec.DecodeError) as cause:
        raise ConfigurationError(f"{path} can't be read. Remove it: `up` then makes a new key and password.") from cause


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    found = hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
    return "$".join([*(str(cost) for cost in _SCRYPT.values()), salt.hex(), found.hex()])

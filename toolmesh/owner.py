"""The owner's credentials that `toolmesh up` makes on the first start. They are printed once; only hashes are kept."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.api_keys import digest, new_api_key
from shared.errors import ConfigurationError
from toolmesh.private_file import write_private

_FILE = "owner.json"
_PASSWORD_BYTES = 18


class OwnerFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept."""

    api_key_sha256: str | None = None
    password_argon2id: str | None = None
    """In the PHC string format."""
    password_scrypt: str | None = None
    """What earlier versions kept: `n$r$p$salt$hash`, salt and hash in hex. It stays good."""

    @property
    def password_hash(self) -> str | None:
        """What a password is checked against."""
        return self.password_argon2id or self.password_scrypt


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner's credentials of one start."""

    api_key: str | None
    """The key itself, on the start that made it."""
    password: str | None
    """The password itself, on the start that made it."""
    key_sha256: str | None
    """What the edge is to know the generated key by."""
    password_hash: str | None = None
    """What the edge is to know the generated password by."""


def prepare_owner(data: Path, *, make_key: bool, make_password: bool) -> Owner:
    """Read what an earlier start made, and make what is missing and wanted. Raises ConfigurationError."""
    path = data / _FILE
    kept = _read(path)
    key = new_api_key() if make_key and kept.api_key_sha256 is None else None
    password = new_password() if make_password and kept.password_hash is None else None
    if key is not None:
        kept = msgspec.structs.replace(kept, api_key_sha256=digest(key))
    if password is not None:
        kept = msgspec.structs.replace(kept, password_argon2id=_hashed(password))
    if key or password:
        write_private(path, msgspec.json.format(msgspec.json.encode(kept)).decode() + "\n")
    return Owner(api_key=key, password=password, key_sha256=kept.api_key_sha256, password_hash=kept.password_hash)


def new_password() -> str:
    """A fresh password, of 144 random bits."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _read(path: Path) -> OwnerFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=OwnerFile)
    except FileNotFoundError:
        return OwnerFile()
    except (OSError, msgspec.DecodeError) as cause:
        raise ConfigurationError(f"{path} can't be read. Remove it: `up` then makes a new key and password.") from cause


def _hashed(password: str) -> str:
    from edge.identities.passwords import hash_password

    return hash_password(password)

"""The secrets of a mesh whose roles run apart: made once, one directory for each audience.

    edge/            mesh_keys (of all groups), redis_url, owner_key_sha256, owner_password_hash
    worker-<group>/  mesh_keys (of that group alone), redis_url
    init/            redis_url of the administrator
    broker/          users.acl: the broker's users, with SHA-256 sums of their passwords
    postgres/        password

What is there stays, what is missing is made; so that this may run on every start. A container mounts its own directory and
no other. The owner's API key and password are shown once; only hashes of them are kept.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from shared.api_keys import digest, new_api_key
from shared.code_mode import CODE
from shared.errors import ConfigurationError
from shared.mesh_keys import generate_key_ring, parse_key_ring
from shared.settings import Secret
from toolmesh.acl import EDGE_USER, INIT_USER, users_file, worker_user
from toolmesh.mesh_keys_file import EDGE_GROUP
from toolmesh.owner import new_password
from toolmesh.private_file import write_private

_GROUP = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
MESH_KEYS = "mesh_keys"
REDIS_URL = "redis_url"
OWNER_KEY = "owner_key_sha256"
OWNER_PASSWORD = "owner_password_hash"  # noqa: S105 (a file's name)
USERS = "users.acl"


@dataclass(frozen=True, slots=True)
class Made:
    """The owner's credentials that were made this time."""

    api_key: str | None
    password: str | None


def prepare_secrets(
    directory: Path,
    groups: Iterable[str],
    broker: str,
    owner_key: Secret | None = None,
    owner_password: Secret | None = None,
) -> Made:
    """Make what is missing. Raises ConfigurationError.

    `broker`: URL of the broker, without user and password. `owner_key`, `owner_password`: those that the operator has set.
    """
    groups = sorted({"default", CODE.group, *groups})
    if wrong := [group for group in groups if group == EDGE_GROUP or not _GROUP.fullmatch(group)]:
        raise ConfigurationError(f"{wrong[0]!r} can't be a worker group: use lower-case letters, digits and -, not `edge`.")
    passwords = {
        INIT_USER: _url(directory / "init", broker, INIT_USER),
        EDGE_USER: _url(directory / "edge", broker, EDGE_USER),
        **{worker_user(g): _url(directory / worker_user(g), broker, worker_user(g)) for g in groups},
    }
    _mesh_keys(directory, groups)
    _for_others(directory / "broker" / USERS, users_file(passwords, groups))
    if not (directory / "postgres" / "password").exists():
        _for_others(directory / "postgres" / "password", secrets.token_urlsafe(32))
    return Made(
        api_key=_owner_key(directory / "edge" / OWNER_KEY, owner_key),
        password=_owner_password(directory / "edge" / OWNER_PASSWORD, owner_password),
    )


def _url(directory: Path, broker: str, user: str) -> str:
    """Write the broker's URL for a user, with the password that it has or a new one; gives the password."""
    path = directory / REDIS_URL
    try:
        parts = urlsplit(broker)
        kept = urlsplit(path.read_text(encoding="utf-8")).password if path.exists() else None
    except (OSError, ValueError) as cause:
        raise ConfigurationError(f"{path} can't be read. Remove it: a new password is made then.") from cause
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError("--broker must be redis://host:port/0 or rediss://…, without a user or a password.")
    password = kept or secrets.token_urlsafe(32)
    _write(path, urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}")))
    return password


def _mesh_keys(directory: Path, groups: Iterable[str]) -> None:
    """The edges' file holds everything; each group's file what is its own. Keys of an edges' file that is there stay."""
    path = directory / "edge" / MESH_KEYS
    entries = path.read_text(encoding="utf-8").replace(",", "\n").split() if path.exists() else []
    held = parse_key_ring("\n".join(entries)).groups if entries else frozenset()
    if missing := [group for group in (EDGE_GROUP, *groups) if group not in held]:
        entries += generate_key_ring(missing).split(",")
        _write(path, "\n".join(entries))
    for group in groups:
        own = [entry for entry in entries if entry.startswith(f"{group}:")]
        _write(directory / worker_user(group) / MESH_KEYS, "\n".join(own))


def _owner_key(path: Path, given: Secret | None) -> str | None:
    if given is not None:
        _write(path, digest(given.reveal()))
        return None
    if path.exists():
        return None
    key = new_api_key()
    _write(path, digest(key))
    return key


def _owner_password(path: Path, given: Secret | None) -> str | None:
    from edge.identities.passwords import hash_password, verify

    if given is not None:
        kept = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
        if not verify(kept, given.reveal()):
            _write(path, hash_password(given.reveal()))
        return None
    if path.exists():
        return None
    password = new_password()
    _write(path, hash_password(password))
    return password


def _write(path: Path, text: str) -> None:
    """For our own user alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as cause:
        raise ConfigurationError(f"{path.parent} can't be made ({cause.strerror}). May this user write there?") from cause
    write_private(path, text + "\n")


def _for_others(path: Path, text: str) -> None:
    """For a container that runs as another user. Nothing but that container mounts the directory."""
    _write(path, text.rstrip("\n"))
    path.parent.chmod(0o755)
    path.chmod(0o644)

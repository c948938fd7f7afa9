"""The ring of signing keys.

One key per worker group, known to the edges and to that group alone: a group can forge calls only to itself. The group
`edge` is known to edges only. Written as `group:keyid:base64key[,…]`; the first key of a group signs, the others only
verify, which is how a key is rotated. The key that encrypts is derived from the one that signs.
"""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

from shared.cipher import Cipher
from shared.errors import ConfigurationError
from shared.messages import VERSION

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_KEY_BYTES_MIN = 32


class KeyRing:
    """Keys by group and key id. Never shows a key."""

    __slots__ = ("_ciphers", "_groups", "encrypts")

    def __init__(self, groups: Mapping[str, Mapping[str, bytes]], *, encrypts: bool = False) -> None:
        self._groups = {group: dict(keys) for group, keys in groups.items()}
        self._ciphers: dict[tuple[str, str], Cipher] = {}
        self.encrypts = encrypts
        """Whether what is signed with this ring is encrypted too. Both kinds are read in any case."""

    def __repr__(self) -> str:
        held = ", ".join(f"{group}({', '.join(keys)})" for group, keys in self._groups.items())
        return f"KeyRing({held})"

    @property
    def groups(self) -> frozenset[str]:
        """The groups that this process holds keys of."""
        return frozenset(self._groups)

    def signing(self, group: str) -> tuple[str, bytes]:
        """Id and key that sign for a group. Raises KeyError for a group without keys."""
        return next(iter(self._groups[group].items()))

    def keys_of(self, group: str) -> list[bytes]:
        """All keys of a group, the one that signs first. Raises KeyError for a group without keys."""
        return list(self._groups[group].values())

    def encrypting(self) -> "KeyRing":
        """The same keys, for one that encrypts what it signs."""
        return KeyRing(self._groups, encrypts=True)

    def cipher(self, group: str, key_id: str) -> Cipher:
        """What encrypts under a key of the group; derived on first use, then kept. Raises KeyError where there is no such
        key."""
        found = self._ciphers.get((group, key_id))
        if found is None:
            bound = f"{VERSION}|{group}|{key_id}".encode()
            found = self._ciphers[group, key_id] = Cipher(self._groups[group][key_id], bound)
        return found

    def verifying(self, group: str, key_id: str) -> bytes | None:
        """The key of that id, or None."""
        return self._groups.get(group, {}).get(key_id)


def parse_key_ring(value: str) -> KeyRing:
    """Read the ring from `TOOLMESH_MESH_KEYS`: the value itself, or the path of a file that holds it.

    Raises ConfigurationError; its text never contains a key.
    """
    text = value.strip()
    if ":" not in text or text.startswith(("/", "./", "../", "~")):
        try:
            text = Path(text).expanduser().read_text(encoding="utf-8")
        except (OSError, RuntimeError, ValueError) as cause:
            # The value is not shown: a key that stands alone looks like a path.
            why = (isinstance(cause, OSError) and cause.strerror) or "not a text file"
            raise ConfigurationError(
                f"TOOLMESH_MESH_KEYS is read as the path of a file, which cannot be read ({why}). "
                "Give the path of a readable file, or the keys themselves as group:keyid:base64key."
            ) from None
    groups: dict[str, dict[str, bytes]] = {}
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    if not entries:
        raise ConfigurationError("TOOLMESH_MESH_KEYS is empty. Write group:keyid:base64key[,…].")
    for number, entry in enumerate(entries, 1):
        group, key_id, key = _parse_entry(entry, number)
        if key_id in groups.setdefault(group, {}):
            raise ConfigurationError(f"TOOLMESH_MESH_KEYS: entry {number} gives key {group}:{key_id} again.")
        groups[group][key_id] = key
    return KeyRing(groups)


def _parse_entry(entry: str, number: int) -> tuple[str, str, bytes]:
    where = f"TOOLMESH_MESH_KEYS: entry {number}"
    parts = entry.split(":")
    if len(parts) != 3:
        raise ConfigurationError(f"{where} is not group:keyid:base64key.")
    group, key_id, encoded = parts
    for name in (group, key_id):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{where}: use lower-case letters, digits and - for group and key id.")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise ConfigurationError(f"{where}: the key is not base64.") from None
    if len(key) < _KEY_BYTES_MIN:
        raise ConfigurationError(f"{where}: the key has {len(key)} bytes; at least {_KEY_BYTES_MIN} are needed.")
    return group, key_id, key


def generate_key_ring(groups: list[str]) -> str:
    """A new ring as text, one 256-bit key for each group."""
    return ",".join(f"{group}:k1:{base64.b64encode(os.urandom(32)).decode()}" for group in groups)

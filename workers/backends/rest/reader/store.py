"""Definitions that were read before, by the hash of their file's bytes: in memory, and as MessagePack on the disk.

What lies on the disk counts only where this very code made it, where it has the checksum that it says, and where the file
and all its fragments are as they were. Everything else is read anew, and a disk that takes nothing is no trouble.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_nodes import read_bytes
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.features import own_version
from workers.backends.rest.reader.including import content_hash, fragment_path
from workers.backends.rest.reader.loading import Loaded, load_definition, parse_definition
from workers.backends.rest.reader.problem import Problem

ENTRY_BYTES_MAX = 16 * 1024 * 1024
_SUFFIX = ".msgpack"
_DIGEST_BYTES = 32


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a file."""

    made_by: str
    """Fingerprint of the code that read it."""
    shown: str
    """What the file was called."""
    definition: Definition
    problems: tuple[Problem, ...]
    """Warnings alone: a file with an error is read again each time."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class DefinitionStore:
    """`directory`: where entries lie, made when it is needed; None: in memory alone. `entries_max`: of either kind."""

    def __init__(self, directory: Path | None, entries_max: int) -> None:
        self._directory = directory
        self._entries_max = entries_max
        self._held: OrderedDict[str, Entry] = OrderedDict()

    def load(self, path: Path, root: Path, *, shown: str | None = None) -> Loaded:
        """As `load_definition`. `root`: the directory of the DADL files."""
        name = shown or path.name
        try:
            raw = read_bytes(path)
        except (OSError, ConfigurationError, ValueError):
            return load_definition(path, root, shown=name)
        digest = content_hash(raw)
        entry = self._held.get(digest) or self._from_disk(digest)
        if entry is not None and _is_fresh(entry, root):
            self._hold(digest, entry)
            return Loaded(definition=entry.definition, problems=_renamed(entry, name))
        loaded = parse_definition(raw, path, root, shown=name)
        if loaded.definition is not None:
            entry = Entry(made_by(), name, loaded.definition, loaded.problems)
            self._hold(digest, entry)
            self._to_disk(digest, entry)
        return loaded

    def _hold(self, digest: str, entry: Entry) -> None:
        self._held[digest] = entry
        self._held.move_to_end(digest)
        while len(self._held) > self._entries_max:
            self._held.popitem(last=False)

    def _from_disk(self, digest: str) -> Entry | None:
        if self._directory is None:
            return None
        try:
            with _opened(self._directory / f"{digest}{_SUFFIX}") as file:
                raw = file.read(ENTRY_BYTES_MAX + 1)
            checksum, packed = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
            if len(raw) > ENTRY_BYTES_MAX or hashlib.sha256(packed).digest() != checksum:
                return None
            entry = _decode(packed)
        except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return None
        return entry if entry.made_by == made_by() and entry.definition.hash == digest else None

    def _to_disk(self, digest: str, entry: Entry) -> None:
        if self._directory is None:
            return
        packed = _encode(entry)
        if len(packed) + _DIGEST_BYTES > ENTRY_BYTES_MAX:
            return
        temporary = self._directory / f".{digest}-{secrets.token_hex(8)}"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(hashlib.sha256(packed).digest() + packed)
            temporary.replace(self._directory / f"{digest}{_SUFFIX}")
            self._forget_oldest()
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _forget_oldest(self) -> None:
        assert self._directory is not None
        entries = sorted(self._directory.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in entries[: -self._entries_max]:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file that is ours alone. Raises OSError for a link, and for what another user may have written."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError("not ours")
        yield file


def _is_fresh(entry: Entry, root: Path) -> bool:
    """Whether its fragments are what they were."""
    try:
        return all(
            content_hash(read_bytes(fragment_path(name, root))) == digest
            for name, digest in entry.definition.fragments.items()
        )
    except (OSError, ValueError, RuntimeError, ConfigurationError):
        return False


def _renamed(entry: Entry, shown: str) -> tuple[Problem, ...]:
    """Its problems, for a file of the same content that is called otherwise."""
    if entry.shown == shown:
        return entry.problems
    return tuple(msgspec.structs.replace(p, file=shown) if p.file == entry.shown else p for p in entry.problems)


@cache
def made_by() -> str:
    """The version, and a hash over the code that reads files: what other code has read may mean something else."""
    digest = hashlib.sha256(own_version().encode())
    rooms = (Path(__file__).parent, Path(__file__).parent.parent / "dadl")
    for path in sorted(path for room in rooms for path in room.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()

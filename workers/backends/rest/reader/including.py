"""Fragments: files whose content is merged into mappings of another (DADL 0.2, includes).

What wins: `overrides` of the include, then the file itself, then the fragment. Mappings are merged key by key, everything
else is replaced as a whole. One level: a fragment includes nothing. A fragment lies in the directory of the DADL files, or
below it.
"""

import hashlib
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence, parse_bytes, read_bytes
from workers.backends.rest.reader.document import Include
from workers.backends.rest.reader.problem import Problems
from workers.backends.rest.reader.reading import read_struct

INCLUDES_MAX = 32
VALUES_MAX = 100_000
"""Of a file with all its fragments in it, aliases counted as what they stand for."""
_MARK = "_fragment"


@dataclass(frozen=True, slots=True)
class Included:
    """A file with its fragments in it."""

    root: Mapping
    fragments: MappingOf[str, str]
    """Path of each, from the directory of the DADL files → hash of its content."""


def content_hash(raw: bytes) -> str:
    """SHA-256 of a file's bytes in hex, whatever its line ends (DADL 0.2: CRLF counts as LF)."""
    return hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest()


def include_all(root: Mapping, path: Path, directory: Path, problems: Problems) -> Included:
    """The file with all its fragments. `path`: the file, `directory`: what no fragment may lie outside of."""
    listed = root.entries.get("includes")
    if listed is None or (isinstance(listed, Scalar) and listed.is_null):
        return Included(root, {})
    if not isinstance(listed, Sequence):
        return Included(root, {})  # which is told when the file is read
    if len(listed.items) > INCLUDES_MAX:
        problems.error(f"more than {INCLUDES_MAX} includes. Put several fragments into one file.", at=listed)
        return Included(root, {})
    fragments: dict[str, str] = {}
    for at, item in enumerate(listed.items, 1):
        include = read_struct(Include, item, f"item {at} of `includes`", problems)
        if include is None or not isinstance(item, Mapping):
            continue
        found = _fragment(include, item, path, directory, problems)
        if found is None:
            continue
        fragment, shown, digest = found
        fragments[shown] = digest
        root = _put_into(root, include, fragment, item, problems)
        if root.weight > VALUES_MAX:
            problems.error(f"with its fragments the file has more than {VALUES_MAX} values. Split it.", at=item)
            break
    return Included(root, fragments)


def fragment_path(text: str, directory: Path) -> Path:
    """Where the fragment of that path is. Raises FileNotFoundError, and ValueError whose text says why it is not taken."""
    named = PurePosixPath(text)
    if not text or named.is_absolute() or ".." in named.parts or "\\" in text or "\0" in text:
        raise ValueError("a fragment is named by its path from the directory of the DADL files, without `..`")
    found = (directory / named).resolve(strict=True)
    if not found.is_relative_to(directory.resolve()):
        raise ValueError("it is a link that leads out of the directory of the DADL files")
    if not found.is_file():
        raise ValueError("it is not a file")
    return found


def _fragment(
    include: Include, item: Mapping, path: Path, directory: Path, problems: Problems
) -> tuple[Mapping, str, str] | None:
    """The fragment's content, its path and its hash."""
    place = item.entries["path"]
    shown = include.path[:80]
    try:
        found = fragment_path(include.path, directory)
        if found == path.resolve():
            raise ValueError("a file can't include itself")
        raw = read_bytes(found)
        node = parse_bytes(raw, include.path)
    except FileNotFoundError:
        problems.error(f"the fragment `{shown}` does not exist in the directory of the DADL files.", at=place)
        return None
    except ConfigurationError as error:
        problems.take(error, include.path)
        problems.error(f"the fragment `{shown}` can't be read.", at=place)
        return None
    except (ValueError, OSError, RuntimeError) as reason:
        why = reason.strerror if isinstance(reason, OSError) else reason
        problems.error(f"the fragment `{shown}` is not taken: {why}.", at=place)
        return None
    if not isinstance(node, Mapping):
        problems.error(f"the fragment `{shown}` must be a mapping, with `{_MARK}: true` in it.", at=place)
        return None
    if _MARK not in node.entries:
        problems.warn(f"the fragment does not say that it is one. Write `{_MARK}: true`.", at=node)
    if "includes" in node.entries:
        problems.error("a fragment can't include others. Include them in the file itself.", at=node.keys["includes"])
        return None
    own = {name: value for name, value in node.entries.items() if not name.startswith("_")}
    return msgspec.structs.replace(node, entries=own), include.path, content_hash(raw)


def _put_into(root: Mapping, include: Include, fragment: Mapping, item: Mapping, problems: Problems) -> Mapping:
    """The file with the fragment merged into it."""
    overrides = item.entries.get("overrides")
    way = include.merge_into.split(".")
    try:
        return _at(root, way, fragment, overrides if isinstance(overrides, Mapping) else None)
    except LookupError:
        problems.error(
            f"`{include.merge_into[:80]}` is no mapping of this file. Name one by the keys that lead to it, for instance "
            "`backend.tools`.",
            at=item.entries["merge_into"],
        )
        return root


def _at(node: Mapping, way: list[str], fragment: Mapping, overrides: Mapping | None) -> Mapping:
    if not way:
        merged = merged_nodes(fragment, node)
        return merged_nodes(merged, overrides) if overrides is not None else merged
    inner = node.entries.get(way[0])
    if inner is None and len(way) == 1 and way[0]:
        inner = msgspec.structs.replace(fragment, entries={}, keys={}, weight=1)
    if not isinstance(inner, Mapping):
        raise LookupError
    changed = _at(inner, way[1:], fragment, overrides)
    keys = node.keys if way[0] in node.keys else {**node.keys, way[0]: _key(way[0], fragment)}
    weight = node.weight - inner.weight + changed.weight
    return msgspec.structs.replace(node, entries={**node.entries, way[0]: changed}, keys=keys, weight=weight)


def _key(name: str, at: Mapping) -> Scalar:
    return Scalar(name, False, at.file, at.line, at.column, at.line, at.column)


def merged_nodes(below: Mapping, above: Mapping) -> Mapping:
    """Two mappings as one, key by key and at any depth; what is in both and no mapping is that of `above`."""
    entries: dict[str, Node] = dict(below.entries)
    for name, value in above.entries.items():
        under = entries.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        entries[name] = merged_nodes(under, value) if both else value  # type: ignore[arg-type]  # `both` says what they are
    weight = 1 + sum(1 + value.weight for value in entries.values())
    return msgspec.structs.replace(above, entries=entries, keys={**below.keys, **above.keys}, weight=weight)

"""Changes to a file that is a list of entries (`users.yaml`, `apikeys.yaml`, `clients.yaml`); all else in it stays.

The text is edited, so that comments and layout stay; then it is read again, and written only if it says what it said before
and the change: a layout that we don't foresee must not be damaged.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared import yaml_nodes as nodes
from shared.errors import ConfigurationError
from shared.yaml_nodes import Node, Scalar, Sequence, parse_yaml
from toolmesh.private_file import write_private

Value = str | bool | tuple[str, ...]


@contextmanager
def edited(path: Path, key: str, header: str) -> Iterator["EntriesText"]:
    """The file's entries, to be changed; written at the end where something was. One command at a time.

    `key`: the key over the list. `header`: the first lines of a file that is made anew. Raises ConfigurationError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.parent, os.O_RDONLY)
    except OSError as cause:
        raise ConfigurationError(f"{path.parent} can't be used ({cause.strerror}). May this user write there?") from cause
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = EntriesText(path, key, header)
        yield entries
        entries.write()
    finally:
        os.close(lock)


class EntriesText:
    """The text of such a file."""

    def __init__(self, path: Path, key: str, header: str) -> None:
        self._path = path
        self._key = key
        text = f"{header}{key}:\n"
        try:
            if path.exists():
                text = path.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as cause:
            raise ConfigurationError(f"{path} can't be read as UTF-8 text. Check it.") from cause
        self._crlf = "\r\n" in text
        self._before = text
        self._text = text.replace("\r\n", "\n")

    def write(self) -> None:
        """Put the text into the file, if it was changed."""
        text = self._text.replace("\n", "\r\n") if self._crlf else self._text
        if text != self._before:
            write_private(self._path, text)

    def append(self, entry: Mapping[str, Value]) -> None:
        """Put an entry behind the others."""
        listed = self._listed()
        self._take(self._with(entry), [*_plain_list(listed), {name: _as_read(value) for name, value in entry.items()}])

    def change(self, at: int, name: str, value: Value, beside: str) -> None:
        """Set one key of the entry at an index; a key that it has not comes behind the key `beside`."""
        listed = self._listed()
        expected = _plain_list(listed)
        entry = listed.items[at] if isinstance(listed, Sequence) else None
        if not isinstance(entry, nodes.Mapping):
            raise self._refusal()
        expected[at] = {**expected[at], name: _as_read(value)}
        found, neighbour = entry.entries.get(name), entry.entries.get(beside)
        lines = self._text.split("\n")
        if isinstance(found, Scalar):
            _replace(lines, found, _as_written(value))
        elif isinstance(neighbour, Scalar) and entry.flow:
            _insert(lines, neighbour.end_line, neighbour.end_column, f", {name}: {_as_written(value)}")
        elif isinstance(neighbour, Scalar):
            lines.insert(neighbour.end_line, f"{' ' * entry.column}{name}: {_as_written(value)}")
        else:
            raise self._refusal()
        self._take("\n".join(lines), expected)

    def extend(self, at: int, name: str, text: str, beside: str) -> None:
        """Put a text behind the others of a list of the entry at an index; a list that it has not comes behind `beside`."""
        listed = self._listed()
        entry = listed.items[at] if isinstance(listed, Sequence) else None
        found = entry.entries.get(name) if isinstance(entry, nodes.Mapping) else None
        if not isinstance(found, Sequence):
            self.change(at, name, (text,), beside)
            return
        expected = _plain_list(listed)
        expected[at] = {**expected[at], name: [*expected[at][name], text]}
        lines = self._text.split("\n")
        if found.flow:
            comma = ", " if found.items else ""
            _insert(lines, found.end_line, found.end_column - 1, comma + _as_written(text))
        else:
            lines.insert(found.end_line, f"{' ' * found.column}- {_as_written(text)}")
        self._take("\n".join(lines), expected)

    def remove(self, at: int) -> None:
        """Take out the entry at an index, with the comments inside of it."""
        listed = self._listed()
        expected = _plain_list(listed)
        item = listed.items[at] if isinstance(listed, Sequence) else None
        if not isinstance(listed, Sequence) or not isinstance(item, nodes.Mapping):
            raise self._refusal()
        del expected[at]
        lines = self._text.split("\n")
        if listed.flow:
            _cut_from_brackets(lines, listed, at)
        else:
            first = item.line - 1
            while first > 0 and not lines[first].startswith(" " * listed.column + "-"):
                first -= 1
            del lines[first : item.end_line]
        self._take("\n".join(lines), expected)

    def _listed(self) -> Node | None:
        root = parse_yaml(self._text, self._path.name)
        return root.entries.get(self._key) if isinstance(root, nodes.Mapping) else None

    def _with(self, entry: Mapping[str, Value]) -> str:
        root = parse_yaml(self._text, self._path.name)
        listed = self._listed()
        text = self._text if not self._text or self._text.endswith("\n") else self._text + "\n"
        lines = text.split("\n")
        if isinstance(listed, Sequence) and listed.flow:
            # JSON is YAML: the entry goes before the closing bracket.
            pairs = ", ".join(f"{name}: {_as_written(value)}" for name, value in entry.items())
            comma = ", " if listed.items else ""
            _insert(lines, listed.end_line, listed.end_column - 1, f"{comma}{{{pairs}}}")
            return "\n".join(lines)
        if isinstance(listed, Sequence):
            lines[listed.end_line : listed.end_line] = entry_lines(entry, " " * listed.column)
            return "\n".join(lines)
        if isinstance(listed, Scalar) and listed.is_null and isinstance(root, nodes.Mapping):
            at = root.keys[self._key].line
            head, colon, rest = lines[at - 1].partition(":")
            _, hash_sign, comment = rest.partition("#")
            lines[at - 1] = head + colon + (f"  #{comment}" if hash_sign else "")
            lines[at:at] = entry_lines(entry, "  ")
            return "\n".join(lines)
        return f"{text}{self._key}:\n" + "\n".join(entry_lines(entry, "  ")) + "\n"

    def _take(self, changed: str, expected: list[Any]) -> None:
        """Take over a text, if it says what is expected and otherwise what the one before said."""
        before = parse_yaml(self._text, self._path.name)
        try:
            after = parse_yaml(changed, self._path.name)
        except ConfigurationError:
            raise self._refusal() from None
        beside = _plain(before) if isinstance(before, nodes.Mapping) else {}
        found = _plain(after) if after is not None else {}
        if not isinstance(found, dict) or {**found, self._key: found.get(self._key) or []} != {
            **beside,
            self._key: expected,
        }:
            raise self._refusal()
        self._text = changed

    def _refusal(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} has a layout that can't be changed safely, so it was left as it is. Write its `{self._key}:` as "
            "a plain list, each entry under a `- ` of its own, and try again; or make the change by hand."
        )


def entry_lines(entry: Mapping[str, Value], indent: str) -> list[str]:
    """An entry as lines of a list."""
    pairs = [f"{name}: {_as_written(value)}" for name, value in entry.items()]
    return [f"{indent}- {pairs[0]}", *(f"{indent}  {pair}" for pair in pairs[1:])]


def _as_written(value: Value) -> str:
    # JSON's strings are YAML's double-quoted ones, so no name can be read as something else. What can't be seen is escaped:
    # YAML breaks lines where JSON does not, and refuses what JSON takes.
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)


def _as_read(value: Value) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value).lower() if isinstance(value, bool) else value


def _plain(node: Node) -> Any:
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, nodes.Mapping):
        return {name: _plain(value) for name, value in node.entries.items()}
    return None if node.is_null else node.text


def _plain_list(node: Node | None) -> list[Any]:
    found = None if node is None else _plain(node)
    return list(found) if isinstance(found, list) else []


def _insert(lines: list[str], line: int, column: int, text: str) -> None:
    lines[line - 1] = lines[line - 1][:column] + text + lines[line - 1][column:]


def _replace(lines: list[str], old: Scalar, text: str) -> None:
    if not old.text and not old.quoted:
        _insert(lines, old.line, old.column, f" {text}")
    else:
        _cut(lines, (old.line, old.column), (old.end_line, old.end_column))
        _insert(lines, old.line, old.column, text)


def _cut(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> None:
    (first, column), (last, end_column) = start, end
    lines[first - 1 : last] = [lines[first - 1][:column] + lines[last - 1][end_column:]]


def _cut_from_brackets(lines: list[str], listed: Sequence, at: int) -> None:
    """Take an item out, with the comma that it needs no more."""
    spans = [
        ((item.line, item.column), (item.end_line, item.end_column))
        for item in listed.items
        if isinstance(item, nodes.Mapping)
    ]
    if len(spans) != len(listed.items):
        return
    if at + 1 < len(spans):
        _cut(lines, spans[at][0], spans[at + 1][0])
    else:
        _cut(lines, spans[at - 1][1] if at else spans[at][0], spans[at][1])

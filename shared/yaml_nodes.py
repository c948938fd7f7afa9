"""YAML text as a tree of nodes that know their lines.

YAML 1.2's core schema (only `true` and `false` are booleans, no timestamps), parsed by libyaml where PyYAML has it. Built
from the parser's events, so that depth, size and the weight of aliases are bounded before anything is made of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shared.errors import ConfigurationError

FILE_BYTES_MAX = 1024 * 1024
_DEPTH_MAX = 64
_NODES_MAX = 100_000
"""Nodes of a file with every alias counted as what it stands for."""

_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TAGS = {None, "!"} | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
_NULLS = {"", "~", "null", "Null", "NULL"}


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A single value, as it is written; `line` counts from 1, `column` from 0; the end is behind its last character."""

    text: str
    quoted: bool
    file: str
    """Name of the file that it stands in, for messages."""
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int = 1

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing: empty, `~` or `null`, unquoted."""
        return not self.quoted and self.text in _NULLS


class Sequence(msgspec.Struct, frozen=True):
    """A list. `flow`: written in brackets; `end_line` and `end_column` are behind the last character of it."""

    items: tuple["Node", ...]
    flow: bool
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int


class Mapping(msgspec.Struct, frozen=True):
    """Keys (always text) with their nodes; `keys` says where each key stands. `flow`: written in braces."""

    entries: dict[str, "Node"]
    keys: dict[str, Scalar]
    flow: bool
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int


Node = Scalar | Sequence | Mapping


def read_yaml(path: Path) -> Node | None:
    """The file's document; None for an empty one. Raises ConfigurationError, and FileNotFoundError where it is missing."""
    return parse_bytes(read_bytes(path), path.name)


def read_bytes(path: Path) -> bytes:
    """What the file holds. Raises ConfigurationError, also for a larger one than we read, and FileNotFoundError."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as cause:
        raise _problem(path.name, None, None, f"cannot be read ({cause.strerror}). Check {path}.") from cause
    if len(raw) > FILE_BYTES_MAX:
        raise _problem(
            path.name, None, None, f"larger than {FILE_BYTES_MAX} bytes. Split it, or remove what is not needed."
        )
    return raw


def parse_bytes(raw: bytes, name: str) -> Node | None:
    """The document in a file's bytes; `name` is the file's name for messages. Raises ConfigurationError."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        column = cause.start - raw.rfind(b"\n", 0, cause.start)
        raise _problem(name, line, column, "not UTF-8. Save the file as UTF-8.") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Node | None:
    """The document in a text; `name` is the file's name for messages. Raises ConfigurationError."""
    try:
        # `yaml.parse` would ask twice for each event. Of the C parser there is nothing to dispose of.
        return _Composer(_PARSER(text).get_event, name).document()
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        problem = cause.problem or cause.context or "cannot be parsed"
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        tabbed = mark is not None and _is_tab(text, mark.line, mark.column)
        raise _problem(name, line, column, f"not YAML: {problem}.{_advice(problem, tabbed=tabbed)}") from None
    except yaml.reader.ReaderError as cause:
        at = cause.position if isinstance(cause.position, int) else 0
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _problem(name, line, column, "a control character that YAML does not allow. Remove it.") from None


def _is_tab(text: str, line: int, column: int) -> bool:
    """Whether a tab stands there: the C parser does not say which character it can't take."""
    lines = text.split("\n")
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def _advice(problem: str, *, tabbed: bool) -> str:
    if (tabbed and "cannot start any token" in problem) or "'\\t'" in problem or "\t" in problem:
        return " Indent with spaces, not with tabs."
    if "alphabetic or numeric character" in problem:
        return " Put a value that begins with `*` or `&` in quotes."
    if "cannot start any token" in problem:
        return " Put the value in quotes."
    if "expected ':'" in problem or "mapping values are not allowed" in problem:
        return " Write each setting as `key: value`, with a space behind the colon, and check the indentation."
    return " Check the indentation and the quotes on this line and the one before it."


def _error(name: str, event: yaml.Event, text: str) -> ConfigurationError:
    mark = event.start_mark
    assert mark is not None
    return _problem(name, mark.line + 1, mark.column + 1, text)


def _problem(name: str, line: int | None, column: int | None, text: str) -> ConfigurationError:
    """An error whose `data` says, too, where it is: `line` and `column`, from 1, and the text alone."""
    where = name if line is None else f"{name}:{line}"
    return ConfigurationError(f"{where}: {text}", data={"line": line, "column": column, "text": text})


class _Composer:
    """Builds nodes out of the parser's events. Nearly all the time of reading a large file is spent here."""

    def __init__(self, next_event: Callable[[], Any], name: str) -> None:
        self._next = next_event
        self._name = name
        self._anchors: dict[str, Node] = {}
        self._depth = 0
        self._end_line = 0
        self._end_column = 0
        """Line and column behind the last character that belongs to something."""

    def document(self) -> Node | None:
        root: Node | None = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error(event, "a second document (`---`). Keep one document in a file.")
                root = self._node(self._next())
        return None if isinstance(root, Scalar) and root.is_null else root

    def _error(self, event: yaml.Event, text: str) -> ConfigurationError:
        return _error(self._name, event, text)

    def _node(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if not isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise self._error(event, "something that is neither a value, a list nor a mapping. Check the indentation.")
        self._check_tag(event)
        self._depth += 1
        if self._depth >= _DEPTH_MAX:
            raise self._error(event, f"nested deeper than {_DEPTH_MAX} levels. Flatten it.")
        node = self._sequence(event) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(event)
        self._depth -= 1
        if node.weight > _NODES_MAX:
            raise self._error(event, f"more than {_NODES_MAX} values, aliases counted. Use fewer aliases.")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            raise self._error(
                event,
                f"`*{event.anchor}` refers to no anchor above it. Write `&{event.anchor}` there, or put a text that "
                "begins with `*` in quotes.",
            )
        self._seen(event)
        return found

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag not in _TAGS:
            raise self._error(event, f"the tag {event.tag} is not supported. Remove it.")

    def _seen(self, event: yaml.Event) -> None:
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        line, column = end.line, end.column
        if line != start.line or column != start.column:
            # The end of a block scalar is the start of the line that follows it.
            self._end_line, self._end_column = (line, column) if column else (line - 1, 0)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        tag = event.tag
        if tag is not None:
            self._check_tag(event)
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        line, column, last_line, last_column = start.line, start.column, end.line, end.column
        if last_line != line or last_column != column:
            self._end_line, self._end_column = (last_line, last_column) if last_column else (last_line - 1, 0)
        quoted = tag == "tag:yaml.org,2002:str" or (tag in (None, "!") and not event.implicit[0])
        scalar = Scalar(event.value, quoted, self._name, line + 1, column, self._end_line + 1, self._end_column)
        if event.anchor:
            self._anchors[event.anchor] = scalar
        return scalar

    def _sequence(self, start: yaml.SequenceStartEvent) -> Sequence:
        self._seen(start)
        items: list[Node] = []
        weight = 1
        while (event := self._next()).__class__ is not yaml.SequenceEndEvent:
            items.append(self._scalar(event) if event.__class__ is yaml.ScalarEvent else self._node(event))
            weight += items[-1].weight
            if weight > _NODES_MAX:
                break
        self._seen(event)
        mark = start.start_mark
        assert mark is not None
        line, column = mark.line + 1, mark.column
        flow, end_line = bool(start.flow_style), self._end_line + 1
        return Sequence(tuple(items), flow, self._name, line, column, end_line, self._end_column, weight)

    def _mapping(self, start: yaml.MappingStartEvent) -> Mapping:
        self._seen(start)
        entries: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        merged: list[Mapping] = []
        weight = 1
        next_event, scalar, node = self._next, self._scalar, self._node
        while (event := next_event()).__class__ is not yaml.MappingEndEvent:
            key = scalar(event) if event.__class__ is yaml.ScalarEvent else node(event)
            if not isinstance(key, Scalar):
                raise self._error(event, "a key that is a list or a mapping. Use a plain word as the key.")
            behind = next_event()
            value = scalar(behind) if behind.__class__ is yaml.ScalarEvent else node(behind)
            weight += 1 + value.weight
            if weight > _NODES_MAX:
                break
            name = key.text
            if name == "<<" and not key.quoted:
                merged += self._sources(event, value)
            elif name in entries:
                raise self._error(event, f"`{name}` is written twice (first on line {keys[name].line}). Keep one.")
            else:
                entries[name], keys[name] = value, key
        self._seen(event)
        for source in merged:
            for name, value in source.entries.items():
                if name not in entries:
                    entries[name], keys[name] = value, source.keys[name]
        mark = start.start_mark
        assert mark is not None
        line, column = mark.line + 1, mark.column
        flow, end_line = bool(start.flow_style), self._end_line + 1
        return Mapping(entries, keys, flow, self._name, line, column, end_line, self._end_column, weight)

    def _sources(self, event: yaml.Event, value: Node) -> list[Mapping]:
        found = value.items if isinstance(value, Sequence) else (value,)
        sources = [item for item in found if isinstance(item, Mapping)]
        if len(sources) != len(found):
            raise self._error(event, "`<<` merges mappings only. Write `<<: *anchor`, where the anchor is of a mapping.")
        return sources

"""YAML text as a tree of nodes that know their lines.

YAML 1.2's core schema (only `true` and `false` are booleans, no timestamps), parsed by libyaml where PyYAML has it. Built
from the parser's events, so that depth, size and the weight of aliases are bounded before anything is made of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from shared.errors import ConfigurationError

FILE_BYTES_MAX = 1024 * 1024
_DEPTH_MAX = 64
_NODES_MAX = 100_000
"""Nodes of a file with every alias counted as what it stands for."""

_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TAGS = {None, "!"} | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
_NULLS = {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, as it is written; `end_line` and `end_column` are behind its last character."""

    text: str
    quoted: bool
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int = 1

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing: empty, `~` or `null`, unquoted."""
        return not self.quoted and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. `flow`: written in brackets; `end_line` and `end_column` are behind the last character of it."""

    items: tuple["Node", ...]
    flow: bool
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys (always text) with their nodes; `lines` says where each key stands. `flow`: written in braces."""

    entries: dict[str, "Node"]
    lines: dict[str, int]
    flow: bool
    line: int
    column: int
    end_line: int
    end_column: int
    weight: int


Node = Scalar | Sequence | Mapping


def read_yaml(path: Path) -> Node | None:
    """The file's document; None for an empty one. Raises ConfigurationError, and FileNotFoundError where it is missing."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as cause:
        raise ConfigurationError(f"{path.name}: cannot be read ({cause.strerror}). Check {path}.") from cause
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigurationError(
            f"{path.name}: larger than {FILE_BYTES_MAX} bytes. Split it, or remove what is not needed."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise ConfigurationError(f"{path.name}:{line}: not UTF-8. Save the file as UTF-8.") from None
    return parse_yaml(text, path.name)


def parse_yaml(text: str, name: str) -> Node | None:
    """The document in a text; `name` is the file's name for messages. Raises ConfigurationError."""
    try:
        return _Composer(yaml.parse(text, Loader=_PARSER), name).document()
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = cause.problem or cause.context or "cannot be parsed"
        raise ConfigurationError(f"{where}: not YAML: {problem}.{_advice(problem)}") from None
    except yaml.reader.ReaderError as cause:
        line = text.count("\n", 0, cause.position) + 1 if isinstance(cause.position, int) else 1
        raise ConfigurationError(f"{name}:{line}: a control character that YAML does not allow. Remove it.") from None


def _advice(problem: str) -> str:
    if "'\\t'" in problem or "\t" in problem:
        return " Indent with spaces, not with tabs."
    if "alphabetic or numeric character" in problem:
        return " Put a value that begins with `*` or `&` in quotes."
    if "cannot start any token" in problem:
        return " Put the value in quotes."
    if "expected ':'" in problem or "mapping values are not allowed" in problem:
        return " Write each setting as `key: value`, with a space behind the colon, and check the indentation."
    return " Check the indentation and the quotes on this line and the one before it."


def _start(event: yaml.Event) -> tuple[int, int]:
    """Line and column, from 0."""
    mark = event.start_mark
    assert mark is not None
    return mark.line, mark.column


class _Composer:
    """Builds nodes out of the parser's events."""

    def __init__(self, events: Iterator[yaml.Event], name: str) -> None:
        self._events = events
        self._name = name
        self._anchors: dict[str, Node] = {}
        self._depth = 0
        self._last = (0, 0)
        """Line and column behind the last character that belongs to something."""

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error(event, "a second document (`---`). Keep one document in a file.")
                root = self._node(next(self._events))
        return None if isinstance(root, Scalar) and root.is_null else root

    def _error(self, event: yaml.Event, text: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}:{_start(event)[0] + 1}: {text}")

    def _node(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.AliasEvent):
            found = self._anchors.get(event.anchor or "")
            if found is None:
                raise self._error(
                    event,
                    f"`*{event.anchor}` refers to no anchor above it. Write `&{event.anchor}` there, or put a text that "
                    "begins with `*` in quotes.",
                )
            self._seen(event)
            return found
        if not isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise self._error(event, "something that is neither a value, a list nor a mapping. Check the indentation.")
        if event.tag not in _TAGS:
            raise self._error(event, f"the tag {event.tag} is not supported. Remove it.")
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise self._error(event, f"nested deeper than {_DEPTH_MAX} levels. Flatten it.")
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event)
        else:
            node = self._mapping(event)
        self._depth -= 1
        if node.weight > _NODES_MAX:
            raise self._error(event, f"more than {_NODES_MAX} values, aliases counted. Use fewer aliases.")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _seen(self, event: yaml.Event) -> None:
        end = event.end_mark
        assert end is not None
        if _start(event) != (end.line, end.column):
            # The end of a block scalar is the start of the line that follows it.
            self._last = (end.line, end.column) if end.column else (end.line - 1, 0)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._seen(event)
        tag = event.tag
        quoted = tag == "tag:yaml.org,2002:str" or (tag in (None, "!") and not event.implicit[0])
        (line, column), (end_line, end_column) = _start(event), self._last
        return Scalar(event.value, quoted, line + 1, column, end_line + 1, end_column)

    def _sequence(self, start: yaml.SequenceStartEvent) -> Sequence:
        self._seen(start)
        items: list[Node] = []
        weight = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event))
            weight += items[-1].weight
            if weight > _NODES_MAX:
                break
        self._seen(event)
        (line, column), (end_line, end_column) = _start(start), self._last
        return Sequence(tuple(items), bool(start.flow_style), line + 1, column, end_line + 1, end_column, weight)

    def _mapping(self, start: yaml.MappingStartEvent) -> Mapping:
        self._seen(start)
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        merged: list[Mapping] = []
        weight = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event)
            if not isinstance(key, Scalar):
                raise self._error(event, "a key that is a list or a mapping. Use a plain word as the key.")
            value = self._node(next(self._events))
            weight += 1 + value.weight
            if weight > _NODES_MAX:
                break
            if key.text == "<<" and not key.quoted:
                merged += self._sources(event, value)
            elif key.text in entries:
                raise self._error(event, f"`{key.text}` is written twice (first on line {lines[key.text]}). Keep one.")
            else:
                entries[key.text], lines[key.text] = value, key.line
        self._seen(event)
        for source in merged:
            for name, value in source.entries.items():
                if name not in entries:
                    entries[name], lines[name] = value, source.lines[name]
        (line, column), (end_line, end_column) = _start(start), self._last
        return Mapping(entries, lines, bool(start.flow_style), line + 1, column, end_line + 1, end_column, weight)

    def _sources(self, event: yaml.Event, value: Node) -> list[Mapping]:
        found = value.items if isinstance(value, Sequence) else (value,)
        sources = [item for item in found if isinstance(item, Mapping)]
        if len(sources) != len(found):
            raise self._error(event, "`<<` merges mappings only. Write `<<: *anchor`, where the anchor is of a mapping.")
        return sources

"""Nodes of a DADL file as structs, with every problem at its place.

What a struct says of its fields is looked at once per kind of struct; a file has ten thousand of some. Unknown keys are
warnings (DADL 0.2, section 15.3: a runtime warns and goes on), values of a wrong kind are errors.
"""

import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from shared.durations import parse_duration
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence
from workers.backends.rest.dadl.condition import parse_condition
from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.dadl.part import Is
from workers.backends.rest.reader.problem import Problems
from workers.backends.rest.reader.sizes import parse_size
from workers.backends.rest.reader.yaml_values import json_value

S = TypeVar("S", bound=msgspec.Struct)
Read = Callable[[Node, str, Problems], Any]
"""`(node, what, problems)`: the value, or `BAD` where a problem was noted; `what` names it in messages."""

BAD: Any = object()
"""Stands for a value that an error was noted for."""
LEFT_OUT: Any = object()
"""Stands for a value that counts as absent; a warning was noted."""

THE_FILE = "the file"
_OUTERMOST = (THE_FILE, "`backend`")
"""What goes without saying."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_LOOSE_TRUTHS = {word: value for value, words in ((True, "y yes on"), (False, "n no off")) for word in words.split()}
_TRUTHS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind of struct is read."""

    readers: dict[str, tuple[str, Read]]
    """Key in the file → name of the field, and how its value is read."""
    needed: dict[str, str]
    """Fields that have no default, with their keys."""


def read_struct(kind: type[S], node: Node, what: str, problems: Problems) -> S | None:
    """A struct out of a mapping; None where something is wrong with it. `what` names it in messages."""
    if not isinstance(node, Mapping):
        problems.error(f"{what} must be a mapping of keys and values, found {described(node)}.", at=node)
        return None
    shape = shape_of(kind)
    values: dict[str, Any] = {}
    sound = True
    for key, value in node.entries.items():
        known = shape.readers.get(key)
        if known is None:
            if not key.startswith("_"):
                advice = (
                    problems.nearest(key, shape.readers)
                    or f" Known are {', '.join(f'`{name}`' for name in shape.readers)}."
                )
                problems.warn(f"{what} has the unknown key `{key}`, which is ignored.{advice}", at=node.keys[key])
            continue
        if isinstance(value, Scalar) and value.is_null:
            continue
        found = known[1](value, what, problems)
        if found is BAD:
            sound = False
            values[known[0]] = BAD
        elif found is not LEFT_OUT:
            values[known[0]] = found
    for name, key in shape.needed.items():
        if name not in values:
            problems.error(f"{what} has no `{key}`. Add it.", at=node)
            sound = False
    return kind(**values) if sound else None


@cache
def shape_of(kind: type[msgspec.Struct]) -> Shape:
    """The shape of a kind of struct."""
    hints = get_type_hints(kind, include_extras=True)
    fields = msgspec.structs.fields(kind)
    readers = {f.encode_name: (f.name, _named(f.encode_name, reader_of(hints[f.name]))) for f in fields}
    return Shape(readers, {f.name: f.encode_name for f in fields if f.required})


def described(node: Node) -> str:
    """What stands there, for a message."""
    if not isinstance(node, Scalar):
        return "a list" if isinstance(node, Sequence) else "a mapping"
    if node.is_null:
        return "nothing"
    shown = node.text if len(node.text) <= 40 else node.text[:40] + "…"
    return f'the text "{shown}"' if node.quoted else f"`{shown}`"


def _named(key: str, read: Read) -> Read:
    alone, owned = f"`{key}`", f"`{key}` of "
    return lambda node, what, problems: read(node, alone if what in _OUTERMOST else owned + what, problems)


def reader_of(kind: Any) -> Read:
    """How a value of a field of this type is read."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *metadata = get_args(kind)
        marks = [m.kind for m in metadata if isinstance(m, Is)]
        if "people" in marks:
            marks.remove("people")
            return _ignorable(_MARKED[marks[0]] if marks else reader_of(inner))
        return _MARKED[marks[0]] if marks[0] in _MARKED else _choice(get_args(inner), lenient=True)
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member is not types.NoneType]
        return reader_of(members[0]) if len(members) == 1 else _either(members)
    if origin is tuple:
        return _items(reader_of(get_args(kind)[0]))
    if origin is dict:
        return _entries(reader_of(get_args(kind)[1]))
    if origin is Literal:
        return _choice(get_args(kind), lenient=False)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind)
    return _PLAIN[kind]


def _wrong(node: Node, what: str, wanted: str, problems: Problems, advice: str = "") -> Any:
    problems.error(f"{what} must be {wanted}, found {described(node)}.{advice}", at=node)
    return BAD


def _struct(kind: type[msgspec.Struct]) -> Read:
    def read(node: Node, what: str, problems: Problems) -> Any:
        found = read_struct(kind, node, what, problems)
        return BAD if found is None else found

    return read


def _ignorable(read_it: Read) -> Read:
    def read(node: Node, what: str, problems: Problems) -> Any:
        with problems.forgiving():
            found = read_it(node, what, problems)
        return LEFT_OUT if found is BAD else found

    return read


def _items(read_item: Read) -> Read:
    def read(node: Node, what: str, problems: Problems) -> Any:
        if not isinstance(node, Sequence):
            return _wrong(node, what, "a list, for instance `[a, b]`", problems)
        items = tuple(read_item(item, f"item {at} of {what}", problems) for at, item in enumerate(node.items, 1))
        return BAD if BAD in items else items

    return read


def _entries(read_item: Read) -> Read:
    def read(node: Node, what: str, problems: Problems) -> Any:
        if not isinstance(node, Mapping):
            return _wrong(node, what, "a mapping, for instance `{a: b}`", problems)
        found = {}
        for name, value in node.entries.items():
            if isinstance(value, Scalar) and value.is_null:
                problems.error(f"`{name}` in {what} is empty. Give it a value, or remove it.", at=node.keys[name])
                return BAD
            found[name] = read_item(value, f"`{name}` in {what}", problems)
        return BAD if any(value is BAD for value in found.values()) else found

    return read


def _choice(choices: tuple[str, ...], *, lenient: bool) -> Read:
    listed = ", ".join(f"`{choice}`" for choice in choices)

    def read(node: Node, what: str, problems: Problems) -> Any:
        if isinstance(node, Scalar) and node.text in choices:
            return node.text
        if isinstance(node, Scalar) and not node.text:
            return LEFT_OUT
        advice = problems.nearest(node.text, choices) if isinstance(node, Scalar) else ""
        wanted = f"one of {listed}" if len(choices) > 1 else listed
        if not lenient:
            return _wrong(node, what, wanted, problems, advice)
        problems.warn(f"{what} should be {wanted}, found {described(node)}, which is ignored.{advice}", at=node)
        return LEFT_OUT

    return read


def _either(members: list[Any]) -> Read:
    """A struct as a mapping, or one word."""
    (whole,) = (member for member in members if isinstance(member, type))
    ((word,),) = (get_args(member) for member in members if get_origin(member) is Literal)
    read_whole = reader_of(whole)

    def read(node: Node, what: str, problems: Problems) -> Any:
        if isinstance(node, Mapping):
            return read_whole(node, what, problems)
        if isinstance(node, Scalar) and node.text == word:
            return word
        return _wrong(node, what, f"`{word}` or a mapping", problems)

    return read


def _text(node: Node, what: str, problems: Problems) -> Any:
    # A number or a boolean without quotes is taken as it is written, as upstream's parser does.
    return node.text if isinstance(node, Scalar) else _wrong(node, what, "a text", problems)


def _flag(node: Node, what: str, problems: Problems) -> Any:
    if isinstance(node, Scalar) and not node.quoted:
        if node.text in _TRUTHS:
            return _TRUTHS[node.text]
        if node.text.lower() in _LOOSE_TRUTHS:
            value = _LOOSE_TRUTHS[node.text.lower()]
            word = str(value).lower()
            problems.warn(f"{what} is written `{node.text}`, which YAML 1.2 takes for a text. Write `{word}`.", at=node)
            return value
    return _wrong(node, what, "`true` or `false`", problems)


def _whole(node: Node, what: str, problems: Problems) -> Any:
    if isinstance(node, Scalar) and not node.quoted and _INTEGER.fullmatch(node.text):
        return int(node.text)
    return _wrong(node, what, "a whole number", problems)


def _duration(node: Node, what: str, problems: Problems) -> Any:
    try:
        seconds = parse_duration(node.text) if isinstance(node, Scalar) else 0.0
    except ValueError:
        seconds = 0.0
    if seconds > 0:
        return seconds
    return _wrong(node, what, "a duration above 0, for instance `500ms`, `30s` or `1h30m`", problems)


def _size(node: Node, what: str, problems: Problems) -> Any:
    try:
        return parse_size(node.text if isinstance(node, Scalar) else "")
    except ValueError:
        return _wrong(node, what, "a size above 0, for instance `50MB` or `128KiB`", problems)


def _parsed(parse: Callable[[str], object], noun: str) -> Read:
    """A text that another module understands, and says what is wrong with it."""

    def read(node: Node, what: str, problems: Problems) -> Any:
        if not isinstance(node, Scalar):
            return _wrong(node, what, f"{noun}, for instance `$.data`", problems)
        try:
            parse(node.text)
        except ValueError as reason:
            problems.error(f"{what} is not {noun} that is understood: {reason}.", at=node)
            return BAD
        return node.text

    return read


def _json(node: Node, what: str, problems: Problems) -> Any:
    return json_value(node)


_MARKED: dict[Any, Read] = {
    "duration": _duration,
    "size": _size,
    "json_path": _parsed(parse_json_path, "a JSONPath"),
    "condition": _parsed(parse_condition, "a JSONPath, or a comparison with one,"),
    "scalar": _text,
}
_PLAIN: dict[Any, Read] = {str: _text, bool: _flag, int: _whole, Any: _json}

"""YAML nodes as msgspec structs, with every problem named by file, line, key and what to write instead.

msgspec's own conversion stops at the first problem and knows no lines; what it takes is what the struct says.
"""

import difflib
import re
import types
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from shared.findings import Findings
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence

S = TypeVar("S", bound=msgspec.Struct)

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_INVALID: Any = object()
"""Stands for a value that a finding was made of."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the most similar known name, with a leading space; empty where none is similar."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean `{found[0]}`?" if found else ""


class StructReader:
    """Reads the nodes of one file. With `secret` no message shows a value, only keys."""

    def __init__(self, file: str, findings: Findings, *, secret: bool = False) -> None:
        self._file = file
        self._findings = findings
        self._secret = secret

    def problem(self, line: int, text: str) -> None:
        """Note a problem of a line of this file."""
        self._findings.add(f"{self._file}:{line}: {text}")

    def entries(self, root: Node | None, key: str) -> tuple[Node, ...]:
        """The list under the only key that this file has."""
        if root is None:
            return ()
        if not isinstance(root, Mapping):
            self.problem(root.line, f"the file must be a mapping. Start it with `{key}:` and put the entries below.")
            return ()
        for name in root.entries:
            # Names that start with _ hold what anchors refer to, as upstream's files use them.
            if name != key and not name.startswith("_"):
                self.problem(root.keys[name].line, f"unknown key `{name}`. The only one here is `{key}`.")
        found = root.entries.get(key)
        if found is None or (isinstance(found, Scalar) and found.is_null):
            return ()
        if not isinstance(found, Sequence):
            self.problem(found.line, f"`{key}` must be a list. Start each entry with `- `.")
            return ()
        return found.items

    def struct(self, node: Node, kind: type[S], what: str) -> S | None:
        """A struct out of a mapping, or None where something is wrong with it; `what` names it in messages."""
        if not isinstance(node, Mapping):
            self.problem(node.line, f"{what} must be a mapping of keys and values, found {self._described(node)}.")
            return None
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name in node.entries:
            if name not in fields:
                known = ", ".join(f"`{key}`" for key in fields)
                advice = nearest(name, fields) or f" Known are {known}."
                self.problem(node.keys[name].line, f"{what} has the unknown key `{name}`.{advice}")
        values: dict[str, Any] = {}
        sound = node.entries.keys() <= fields.keys()
        for name, field in fields.items():
            value = node.entries.get(name)
            if value is None or (isinstance(value, Scalar) and value.is_null):
                if field.required:
                    self.problem(node.line, f"{what} has no `{name}`. Add it.")
                    sound = False
                continue
            found = self._value(value, field.type, f"`{name}`")
            sound = sound and found is not _INVALID
            values[field.name] = found
        return kind(**values) if sound else None

    def _value(self, node: Node, kind: Any, key: str) -> Any:
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            (kind,) = (member for member in get_args(kind) if member is not types.NoneType)
            origin = get_origin(kind)
        if origin is tuple:
            return self._tuple(node, get_args(kind)[0], key)
        if origin is dict:
            return self._dict(node, get_args(kind)[1], key)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found = self.struct(node, kind, key)
            return _INVALID if found is None else found
        if not isinstance(node, Scalar):
            return self._wrong(node, key, "a single value")
        if origin is Literal:
            return self._choice(node, get_args(kind), key)
        if kind is bool:
            if node.quoted or node.text not in ("true", "false"):
                return self._wrong(node, key, "`true` or `false`")
            return node.text == "true"
        if kind is int:
            return int(node.text) if _INTEGER.fullmatch(node.text) else self._wrong(node, key, "a whole number")
        # Text: a number or a boolean without quotes is taken as it is written, as upstream's parser does.
        return node.text

    def _tuple(self, node: Node, kind: Any, key: str) -> Any:
        if not isinstance(node, Sequence):
            return self._wrong(node, key, "a list, for instance `[a, b]`")
        items = tuple(self._value(item, kind, f"{key} item {at}") for at, item in enumerate(node.items, 1))
        return _INVALID if _INVALID in items else items

    def _dict(self, node: Node, kind: Any, key: str) -> Any:
        if not isinstance(node, Mapping):
            return self._wrong(node, key, "a mapping, for instance `{a: b}`")
        items = {name: self._value(item, kind, f"{key}, `{name}`") for name, item in node.entries.items()}
        return _INVALID if _INVALID in items.values() else items

    def _choice(self, node: Scalar, choices: tuple[str, ...], key: str) -> Any:
        if node.text in choices:
            return node.text
        listed = ", ".join(f"`{choice}`" for choice in choices)
        return self._wrong(node, key, f"one of {listed}", nearest(node.text, choices))

    def _wrong(self, node: Node, key: str, wanted: str, advice: str = "") -> Any:
        self.problem(node.line, f"{key} must be {wanted}, found {self._described(node)}.{advice}")
        return _INVALID

    def _described(self, node: Node) -> str:
        if not isinstance(node, Scalar):
            return "a list" if isinstance(node, Sequence) else "a mapping"
        if self._secret:
            return "something else"
        shown = node.text if len(node.text) <= 40 else node.text[:40] + "…"
        return f'the text "{shown}"' if node.quoted else f"`{shown}`"

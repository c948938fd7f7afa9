"""What is wrong with a DADL file: an error stops it from being used, a warning does not."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence
from shared.yaml_structs import nearest

PROBLEMS_MAX = 200
"""Of one file; who has more mends the first ones first."""
COMPARED_MAX = 20_000
"""Names that are compared to find similar ones, for all problems of a file: each costs some microseconds."""

Severity = Literal["error", "warning"]
At = str | int


class Problem(msgspec.Struct, frozen=True, array_like=True):
    """One of them. Line and column count from 1; 0 where the file as a whole is meant."""

    severity: Severity
    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        """As compilers write it, so that editors find the place."""
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{place}: {self.severity}: {self.text}"

    @property
    def placed(self) -> str:
        """Without the severity, for who says it otherwise."""
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{place}: {self.text}"


class Problems:
    """Those of one file, in the order of their finding. `strict`: it is of DADL 0.2, which leaves less to the reader."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Problem, None] = {}
        self._root: Node | None = None
        self.strict = False
        self._compared = 0
        self._forgives = False

    def of(self, root: Node) -> None:
        """From now on places may be given as the way from this node."""
        self._root = root

    @property
    def found(self) -> tuple[Problem, ...]:
        """All of them, by their places, at most `PROBLEMS_MAX`."""
        return tuple(sorted(self._found, key=lambda p: (p.file != self.file, p.file, p.line, p.column))[:PROBLEMS_MAX])

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self._found)

    def error(self, text: str, *way: At, at: Node | None = None, inner: int = 0) -> None:
        """Note what makes the file useless. The place is a node, or the way to one; as near to it as there is one. `inner`:
        the line meant of a text of several lines, from 1."""
        if self._forgives:
            self._add("warning", f"{text} Until then it is ignored.", _line_of(at or self._located(way), inner))
        else:
            self._add("error", text, _line_of(at or self._located(way), inner))

    @contextmanager
    def forgiving(self) -> Iterator[None]:
        """What is an error elsewhere is none within: the file does without it."""
        before, self._forgives = self._forgives, True
        try:
            yield
        finally:
            self._forgives = before

    def warn(self, text: str, *way: At, at: Node | None = None, inner: int = 0) -> None:
        """Note what is worth a look."""
        self._add("warning", text, _line_of(at or self._located(way), inner))

    def breach(self, text: str, *way: At, inner: int = 0) -> None:
        """Note what DADL 0.2 forbids and files of 0.1 may have."""
        self._add("error" if self.strict else "warning", text, _line_of(self._located(way), inner))

    def nearest(self, name: str, known: Collection[str]) -> str:
        """A sentence that names the most similar known name, with a leading space; empty where none is similar, and when
        enough was compared."""
        self._compared += len(known)
        return nearest(name, known) if self._compared <= COMPARED_MAX else ""

    def take(self, error: ConfigurationError, file: str) -> None:
        """Note why a file could not be read."""
        data = error.data or {}
        self._note(
            Problem("error", file, data.get("line") or 0, data.get("column") or 0, str(data.get("text") or error.detail))
        )

    def _add(self, severity: Severity, text: str, node: Node | None) -> None:
        if node is None:
            self._note(Problem(severity, self.file, 0, 0, text))
        else:
            self._note(Problem(severity, node.file, node.line, node.column + 1, text))

    def _note(self, problem: Problem) -> None:
        # Anchors that are used many times say the same of the same place.
        if len(self._found) < 10 * PROBLEMS_MAX:
            self._found.setdefault(problem)

    def _located(self, way: tuple[At, ...]) -> Node | None:
        """The value at the end of the way; the key of a list or mapping, and of what stands above what there is not."""
        node, place = self._root, self._root
        for step in way:
            if isinstance(node, Mapping) and step in node.entries:
                key = node.keys[str(step)]
                node = node.entries[str(step)]
                place = node if isinstance(node, Scalar) and not node.is_null else key
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                node = place = node.items[step]
            else:
                break
        return place


def _line_of(node: Node | None, inner: int) -> Node | None:
    """The place of a line of a block (`|`): it begins on the line behind its sign."""
    if not inner or not isinstance(node, Scalar) or node.end_line == node.line:
        return node
    return msgspec.structs.replace(node, line=min(node.line + inner, node.end_line), column=0)

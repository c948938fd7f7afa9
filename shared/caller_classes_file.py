"""`caller-classes.yaml`: which clients and keys are of which class. In upstream's format.

A pattern is a `caller_id`, or the beginning of some with a `*` behind it. Which class counts never depends on the order of
the file (`edge/identities/caller_classes.py`), so no pattern may stand in two classes.
"""

from collections.abc import Mapping as Classes
from pathlib import Path

from shared.findings import Findings
from shared.yaml_entries import missing
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence, read_yaml
from shared.yaml_structs import StructReader, nearest

CALLER_CLASSES_FILE = "caller-classes.yaml"
PATTERNS_MAX = 10_000

_KEY = "classes"
_EXAMPLE = '`trusted: ["laptop", "ci-*"]`'


def load_caller_classes(config_dir: Path, file: Path | None = None) -> Classes[str, tuple[str, ...]]:
    """Class → patterns; nothing where the file is missing. `file` stands for the one in the directory.

    Raises ConfigurationError with all problems of the file.
    """
    path = file or config_dir / CALLER_CLASSES_FILE
    findings = Findings()
    found: dict[str, tuple[str, ...]] = {}
    try:
        root = read_yaml(path)
    except FileNotFoundError:
        root = None
        if file is not None:
            findings.add(missing(path))
    if root is not None:
        found = _Reader(path.name, findings).read(root)
    findings.stop()
    return found


class _Reader:
    """Reads one file."""

    def __init__(self, name: str, findings: Findings) -> None:
        self._reader = StructReader(name, findings)
        self._owners: dict[str, str] = {}
        """Pattern → the class that it stands in."""

    def read(self, root: Node) -> dict[str, tuple[str, ...]]:
        """The classes, which count only if nothing was found."""
        if not isinstance(root, Mapping):
            self._reader.problem(root.line, f"the file must be a mapping. Start it with `{_KEY}:` and put classes below.")
            return {}
        for name in root.entries:
            # Names that start with _ hold what anchors refer to, as upstream's files use them.
            if name != _KEY and not name.startswith("_"):
                advice = nearest(name, (_KEY,)) or f" The only one here is `{_KEY}`."
                self._reader.problem(root.keys[name].line, f"unknown key `{name}`.{advice}")
        classes = root.entries.get(_KEY)
        if classes is None or (isinstance(classes, Scalar) and classes.is_null):
            return {}
        if not isinstance(classes, Mapping):
            self._reader.problem(classes.line, f"`{_KEY}` must be a mapping from classes to patterns, as {_EXAMPLE}.")
            return {}
        return {name: self._patterns(name, node) for name, node in classes.entries.items()}

    def _patterns(self, name: str, node: Node) -> tuple[str, ...]:
        if not name or not name.isprintable():
            self._reader.problem(node.line, f"a class of `{_KEY}` has no name that can be read. Write one.")
        if isinstance(node, Scalar) and node.is_null:
            return ()
        if not isinstance(node, Sequence):
            self._reader.problem(node.line, f"`{name[:40]}` must be a list of patterns, as {_EXAMPLE}.")
            return ()
        found = []
        for item in node.items:
            if not isinstance(item, Scalar):
                self._reader.problem(item.line, f"`{name[:40]}` holds something that is no pattern. Write as {_EXAMPLE}.")
            elif self._fits(name, item):
                found.append(item.text)
        return tuple(found)

    def _fits(self, name: str, item: Scalar) -> bool:
        pattern = item.text
        if not pattern or "*" in pattern[:-1]:
            self._reader.problem(
                item.line,
                f"`{pattern[:60]}` is no pattern. Write a whole `caller_id`, or its beginning and one `*` behind.",
            )
            return False
        other = self._owners.setdefault(pattern, name)
        if other != name:
            self._reader.problem(
                item.line, f"`{pattern[:60]}` also stands in the class `{other[:40]}`. Keep it in one of the two."
            )
        if len(self._owners) == PATTERNS_MAX + 1:
            self._reader.problem(item.line, f"more than {PATTERNS_MAX} patterns. Remove some.")
        return True

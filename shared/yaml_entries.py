"""Files that are one list of entries, as most of the operator's are: from the file to structs, each with its lines.

Every problem of a file is found before loading stops, and names file, line, key and what to write instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from shared.findings import Findings
from shared.yaml_nodes import Mapping, Node, read_yaml
from shared.yaml_structs import StructReader

Report = Callable[[str, str], None]
"""Note a problem: the key that it is about, and the text."""
S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesFile(Generic[S]):
    """What such a file is like."""

    name: str
    """The file's name in the configuration directory."""
    key: str
    """The key over the list."""
    kind: type[S]
    noun: str
    """What an entry is called in messages, with the value of `named_by` behind it."""
    named_by: str
    entries_max: int
    secret: bool = False
    """Whether no message may show a value."""


def load_entries(shape: EntriesFile[S], config_dir: Path, file: Path | None, findings: Findings) -> list[tuple[S, Report]]:
    """The entries of a file, each with a way to report a problem at the line of one of its keys.

    `file` stands for the one in the directory, which may be missing.
    """
    path = file or config_dir / shape.name
    try:
        root = read_yaml(path)
    except FileNotFoundError:
        if file is not None:
            findings.add(missing(path))
        return []
    reader = StructReader(path.name, findings, secret=shape.secret)
    nodes = reader.entries(root, shape.key)
    if len(nodes) > shape.entries_max:
        reader.problem(nodes[shape.entries_max].line, f"more than {shape.entries_max} entries. Remove some.")
        return []
    found = []
    for number, node in enumerate(nodes, 1):
        entry = reader.struct(node, shape.kind, _title(shape, node, number))
        if entry is not None:
            found.append((entry, _reporter(reader, node)))
    return found


def missing(path: Path) -> str:
    """The problem of a file that was named and is not there."""
    return f"{path.name}: {path} does not exist. Create it, or correct the variable that names it."


def _title(shape: EntriesFile[S], node: Node, number: int) -> str:
    name = node.entries.get(shape.named_by) if isinstance(node, Mapping) else None
    label = getattr(name, "text", "")[:40]
    return f"{shape.noun} `{label}`" if label else f"entry {number} of `{shape.key}`"


def _reporter(reader: StructReader, node: Node) -> Report:
    keys = node.keys if isinstance(node, Mapping) else {}
    return lambda key, text: reader.problem(keys.get(key, node).line, text)

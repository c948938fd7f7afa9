"""Reading a DADL file: from its bytes to a definition and what is wrong with it."""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigurationError
from shared.yaml_nodes import Mapping, Node, parse_bytes, read_bytes
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.checking import check_backend, check_features
from workers.backends.rest.reader.defining import Definer
from workers.backends.rest.reader.document import Document
from workers.backends.rest.reader.including import content_hash, include_all
from workers.backends.rest.reader.problem import Problem, Problems
from workers.backends.rest.reader.reading import THE_FILE, read_struct
from workers.backends.rest.reader.requirements import check_requirements
from workers.backends.rest.reader.result_types import ResultTypes
from workers.backends.rest.reader.tool_checking import check_tools

SPECS = ("https://dadl.ai/spec/dadl-spec-v0.1.md", "https://dadl.ai/spec/dadl-spec-v0.2.md")
TOOLS_MAX = 5_000
"""Tools and composites of one file."""
_SPEC = re.compile(r"https://dadl\.ai/spec/dadl-spec-v0\.([12])(\.md)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of a file."""

    definition: Definition | None
    """None where the file has an error."""
    problems: tuple[Problem, ...]


def load_definition(path: Path, directory: Path | None = None, *, shown: str | None = None) -> Loaded:
    """Read a file. `directory`: where the DADL files lie, which no fragment may be outside of; that of the file by default.
    `shown`: the file's name in messages. Never raises for what the file holds, nor for one that can't be read."""
    definition, problems = examine(path, directory or path.parent, Problems(shown or path.name))
    return Loaded(definition=definition, problems=problems.found)


def examine(path: Path, directory: Path, problems: Problems) -> tuple[Definition | None, Problems]:
    """As `load_definition`, with problems to which more can be added, at places of the file."""
    try:
        raw = read_bytes(path)
    except FileNotFoundError:
        problems.error(f"{path} does not exist. Create it, or correct the name.")
    except (ConfigurationError, ValueError) as error:
        problems.error(
            str((error.data or {}).get("text") or error.detail) if isinstance(error, ConfigurationError) else str(error)
        )
    else:
        return _parsed(raw, path, directory, problems), problems
    return None, problems


def parse_definition(raw: bytes, path: Path, directory: Path, *, shown: str) -> Loaded:
    """As `load_definition`, with the bytes at hand."""
    problems = Problems(shown)
    return Loaded(definition=_parsed(raw, path, directory, problems), problems=problems.found)


def _parsed(raw: bytes, path: Path, directory: Path, problems: Problems) -> Definition | None:
    try:
        root = parse_bytes(raw, problems.file)
    except ConfigurationError as error:
        problems.take(error, problems.file)
        return None
    definition = _defined(root, raw, path, directory, problems)
    return None if problems.has_errors else definition


def _defined(root: Node | None, raw: bytes, path: Path, directory: Path, problems: Problems) -> Definition | None:
    if not isinstance(root, Mapping):
        problems.error(f"the file must be a mapping. Start it with `spec: {SPECS[0]}` and `backend:`.", at=root)
        return None
    problems.of(root)
    if not _check_spec(root, problems):
        return None
    included = include_all(root, path, directory, problems)
    root = included.root
    problems.of(root)
    document = read_struct(Document, root, THE_FILE, problems)
    if document is None:
        return None
    if len(document.backend.tools) + len(document.backend.composites) > TOOLS_MAX:
        problems.error(f"more than {TOOLS_MAX} tools. Split the file, and give each part a name.", "backend", "tools")
        return None
    return _checked(document, root, content_hash(raw), included.fragments, problems)


def _check_spec(root: Mapping, problems: Problems) -> bool:
    """Whether we know what the file means. A fragment that was taken for a file says so here."""
    text = getattr(root.entries.get("spec"), "text", "")
    found = _SPEC.fullmatch(text)
    if found is None:
        hint = " It is a fragment: name the file that includes it." if "_fragment" in root.entries else ""
        problems.error(f'unsupported spec "{text[:80]}" (supported: {", ".join(SPECS)}).{hint}', "spec")
        return False
    problems.strict = found[1] == "2"
    return True


def _checked(
    document: Document, root: Mapping, digest: str, fragments: MappingOf[str, str], problems: Problems
) -> Definition:
    check_requirements(document.requires, problems)
    types = ResultTypes(document.backend.types, problems.nearest)
    definition = Definer(document, root, problems, types).definition(digest, fragments)
    check_backend(document, definition, problems)
    check_tools(document, definition, problems)
    check_features(document, definition, problems)
    return definition

"""`toolmesh dadl lint`: everything that is wrong with DADL files, with file, line and column, as compilers say it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from shared.errors import ConfigurationError, MeshError
from shared.yaml_nodes import Mapping, read_yaml
from toolmesh.console import say
from toolmesh.dadl.syntax import Syntax
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.loading import examine
from workers.backends.rest.reader.problem import Problem, Problems

FILES_MAX = 10_000


class Linted(msgspec.Struct, kw_only=True):
    """What came of all files."""

    files: int = 0
    problems: list[Problem] = []
    notes: list[str] = []
    """What was not looked at, and why."""

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def run_lint(paths: Sequence[Path], *, as_json: bool) -> int:
    """Look at all files and print. Gives 0 for fine or warnings, 1 for errors. Raises ConfigurationError, which is exit
    code 2, where there is nothing to look at."""
    linted = asyncio.run(_lint(_files(paths)))
    if as_json:
        problems = [{name: getattr(found, name) for name in Problem.__struct_fields__} for found in linted.problems]
        said = {"ok": not linted.errors, "files": linted.files, "problems": problems, "notes": linted.notes}
        say(msgspec.json.encode(said).decode())
    else:
        for problem in linted.problems:
            say(str(problem))
        for note in linted.notes:
            say(f"note: {note}")
        say(f"{linted.files} files, {linted.errors} errors, {len(linted.problems) - linted.errors} warnings")
    return 1 if linted.errors else 0


async def _lint(files: Sequence[tuple[Path, Path]]) -> Linted:
    linted = Linted()
    async with AsyncExitStack() as stack:
        syntax: Syntax | None = None
        for path, directory in files:
            definition, problems = examine(path, directory, Problems(str(path)))
            linted.files += 1
            if definition is not None and _runs_something(definition) and not linted.notes:
                if syntax is None:
                    syntax = await stack.enter_async_context(Syntax())
                try:
                    await syntax.check(definition, problems)
                except MeshError as error:
                    linted.notes.append(
                        f"the syntax of scripts and jq programs is not checked, from {path} on: {error.detail}"
                    )
            linted.problems += problems.found
    return linted


def _runs_something(definition: Definition) -> bool:
    transforms = any(tool.response.transform for tool in definition.tools.values())
    return bool(definition.composites or definition.examples or transforms)


def _files(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Each file once, with the directory that its fragments have to be in. Raises ConfigurationError for a missing one."""
    found: dict[Path, tuple[Path, Path]] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.dadl"))
            if not inside:
                raise ConfigurationError(f"{path} holds no .dadl file. Name a file, or the directory where they lie.")
            # A fragment alone is no file of its own; it is looked at with each file that includes it.
            listed = [(file, path) for file in inside if file.is_file() and not _is_fragment(file)]
        elif path.exists():
            listed = [(path, path.parent)]
        else:
            raise ConfigurationError(f"{path} does not exist. Name a .dadl file, or a directory with some.")
        for file, directory in listed:
            found.setdefault(file.resolve(), (file, directory))
        if len(found) > FILES_MAX:
            raise ConfigurationError(f"{path} and what stands before it hold more than {FILES_MAX} files. Name fewer.")
    return list(found.values())


def _is_fragment(path: Path) -> bool:
    try:
        root = read_yaml(path)
    except (OSError, ConfigurationError):
        return False
    return isinstance(root, Mapping) and "_fragment" in root.entries and "backend" not in root.entries

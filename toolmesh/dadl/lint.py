"""`toolmesh dadl lint`: everything that is wrong with DADL files, with file, line and column, as compilers say it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_nodes import Mapping, read_yaml
from toolmesh.console import say
from workers.backends.rest.dadl.loading import load_definition
from workers.backends.rest.dadl.problem import Problem

FILES_MAX = 10_000
EXIT_USAGE = 2
_NOT_CHECKED = "The syntax of scripts (composites, examples) and jq programs is not checked yet."


class Linted(msgspec.Struct, kw_only=True):
    """What came of all files."""

    files: int = 0
    scripts: int = 0
    """Composites, and transforms in jq."""
    problems: list[Problem] = []


def run_lint(paths: Sequence[Path], *, as_json: bool) -> int:
    """Look at all files and print. Gives 0 for fine or warnings, 1 for errors. Raises ConfigurationError, which is exit
    code 2, where there is nothing to look at."""
    linted = Linted()
    for path, directory in _files(paths):
        loaded = load_definition(path, directory, shown=str(path))
        linted.files += 1
        linted.problems += loaded.problems
        if loaded.definition is not None:
            transforms = sum(tool.response.transform is not None for tool in loaded.definition.tools.values())
            linted.scripts += len(loaded.definition.composites) + transforms
    errors = sum(problem.severity == "error" for problem in linted.problems)
    if as_json:
        _say_json(linted, errors)
    else:
        for problem in linted.problems:
            say(str(problem))
        warnings = len(linted.problems) - errors
        say(f"{linted.files} files, {errors} errors, {warnings} warnings")
        if linted.scripts:
            say(_NOT_CHECKED)
    return 1 if errors else 0


def _say_json(linted: Linted, errors: int) -> None:
    problems = [{name: getattr(problem, name) for name in Problem.__struct_fields__} for problem in linted.problems]
    notes = [_NOT_CHECKED] if linted.scripts else []
    say(msgspec.json.encode({"ok": not errors, "files": linted.files, "problems": problems, "notes": notes}).decode())


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
        if b"_fragment" not in path.read_bytes()[: 1024 * 1024]:
            return False
        root = read_yaml(path)
    except (OSError, ConfigurationError):
        return False
    return isinstance(root, Mapping) and "_fragment" in root.entries and "backend" not in root.entries

"""The project's own papers agree with each other: versions, locks, sizes, reasons for dependencies."""

import ast
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.source_tree import BESIDE, ROOMS, ROOT, Source, sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LOCKS = ("requirements.lock", "requirements-dev.lock")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    """A distribution's name as the packaging specification compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(lines: list[str]) -> Iterator[str]:
    for line in lines:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        assert match is not None, line
        yield normal(match[0])


def locked(lock: str) -> dict[str, str]:
    """Name → the text of its entry in a lock."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {normal(entry.partition("==")[0]): entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()}


def all_required() -> set[str]:
    project = pyproject()
    groups = [line for group in project["dependency-groups"].values() for line in group]
    return set(required(project["project"]["dependencies"] + groups))


def test_the_changelogs_newest_version_is_the_projects() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings: list[str] = re.findall(r"^## \[?([^]\s]+)", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased", "changes are written down under Unreleased, on top"
    assert headings[1] == pyproject()["project"]["version"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_with_hashes(lock: str) -> None:
    entries = locked(lock)
    assert len(entries) > 10
    loose = [name for name, entry in entries.items() if "==" not in entry or "--hash=sha256:" not in entry]
    assert not loose


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    for sign in ("://", "index-url", "find-links", " @ ", "file:", "\n-", "=/", " /"):
        assert sign not in text, f"{lock} contains {sign!r}"


def test_the_locks_hold_everything_that_pyproject_asks_for() -> None:
    missing = all_required() - locked("requirements.lock").keys() - locked("requirements-dev.lock").keys()
    assert not missing, f"run 'make lock': {missing}"


def test_both_locks_agree_on_the_version_of_a_package() -> None:
    run, tools = ({name: entry.split()[0] for name, entry in locked(lock).items()} for lock in LOCKS)
    assert {name: (run[name], tools[name]) for name in run.keys() & tools.keys() if run[name] != tools[name]} == {}


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    reasons = {normal(name) for name in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)}
    assert all_required() - reasons == set(), "a dependency without a row in docs/dependencies.md"
    assert reasons - all_required() == set(), "a row without a dependency in pyproject.toml"


def test_files_and_functions_stay_small() -> None:
    everything = sources(*ROOMS, *BESIDE)
    assert not [source.shown for source in everything if len(source.text.splitlines()) > FILE_LINES_MAX]
    assert not [told for source in everything for told in _long_functions(source)]


def _long_functions(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{source.shown}: {node.name} has {lines} lines"


def test_nothing_unfinished_is_marked_in_the_source() -> None:
    marked = [
        f"{source.shown}:{number}"
        for source in sources(*ROOMS, *BESIDE)
        for number, line in enumerate(source.text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not marked, "an open point belongs into an issue"

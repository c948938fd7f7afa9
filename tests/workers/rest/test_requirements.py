"""What a file may require of us, and what it should."""

from pathlib import Path

import pytest

from shared.yaml_nodes import read_yaml
from tests.workers.rest.written import PLAIN, V2, loaded, tool
from workers.backends.rest.reader.checking import check_features
from workers.backends.rest.reader.document import Document, Requires
from workers.backends.rest.reader.features import FEATURES
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.reader.problem import Problems
from workers.backends.rest.reader.reading import read_struct
from workers.backends.rest.reader.requirements import check_requirements
from workers.backends.rest.reader.versions import satisfies


def test_what_is_built_may_be_required(tmp_path: Path) -> None:
    built = [name for name, reason in FEATURES.items() if not reason]
    assert loaded(tmp_path, PLAIN + f"requires: {{toolmesh: '>=0.0.1, <99', features: [{', '.join(built)}]}}\n")


@pytest.mark.parametrize("wanted", [">=0.4.0", ">=0.4.1, <1", ">=0.1"])
def test_a_file_of_upstreams_says_which_of_upstreams_releases_it_needs(tmp_path: Path, wanted: str) -> None:
    assert loaded(tmp_path, PLAIN + f"requires: {{toolmesh: '{wanted}'}}\n")


def test_what_is_not_built_may_not_be_required() -> None:
    problems = Problems("wx.dadl")
    check_requirements(Requires(features=("returns", "redact")), problems, {"returns": "", "redact": "nobody reads yet"})
    (problem,) = problems.found
    assert problem.severity == "error"
    assert problem.text == "the file requires `redact`, which is not built in this release: nobody reads yet."


def test_a_file_that_uses_what_it_does_not_require_is_told_so_where_it_is_built(tmp_path: Path) -> None:
    block = "{method: GET, path: /a, description: A, response: {redact: ['$.token']}}"
    path = tmp_path / "wx.dadl"
    path.write_text(tool(block, V2), encoding="utf-8")
    root = read_yaml(path)
    assert root is not None
    problems = Problems("wx.dadl")
    problems.of(root)
    problems.strict = True
    document = read_struct(Document, root, "the file", problems)
    definition = load_definition(path).definition
    assert document is not None
    assert definition is not None
    check_features(document, definition, problems, {"redact": "not built"})
    assert not problems.has_errors
    assert list(problems.found) == []
    check_features(document, definition, problems, {"redact": ""})
    (problem,) = problems.found
    assert "the file uses `redact`, and does not say so" in problem.text


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (">=1.0", True),
        (">=1.2.3,<2", True),
        ("=1.2.3", True),
        ("1.2.3", True),
        (">1.2.3", False),
        ("<=1.2.2", False),
        (">=1.2.3-rc.1", True),
        ("<1.2.3-rc.1", False),
        (">= 1.0 , < 1.2", False),
    ],
)
def test_ranges_of_versions(wanted: str, fits: bool) -> None:
    assert satisfies("1.2.3", wanted) is fits

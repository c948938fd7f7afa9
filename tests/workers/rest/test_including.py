"""Fragments: what is merged into what, who wins, and what is no fragment of ours."""

from pathlib import Path

import pytest

from tests.workers.rest.written import PLAIN, told
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.including import content_hash
from workers.backends.rest.reader.loading import load_definition

FRAGMENT = """_fragment: true
defaults:
  headers: {Accept: text/plain, X-A: from-the-fragment}
  errors: {retry_on: [429, 500], message_path: $.common}
tools:
  shared: {method: GET, path: /shared, access: read, description: Shared}
  now: {description: never seen}
"""
INCLUDE = "includes: [{path: common.dadl, merge_into: backend, overrides: {defaults: {errors: {retry_on: [503]}}}}]\n"


def including(directory: Path, text: str, fragment: str = FRAGMENT) -> Definition:
    (directory / "common.dadl").write_text(fragment, encoding="utf-8")
    (directory / "wx.dadl").write_text(text, encoding="utf-8")
    found = load_definition(directory / "wx.dadl")
    assert [str(problem) for problem in found.problems] == []
    assert found.definition is not None
    return found.definition


def test_overrides_win_over_the_file_and_the_file_over_the_fragment(tmp_path: Path) -> None:
    text = PLAIN.replace("  tools:\n", "  defaults: {headers: {Accept: application/json}}\n  tools:\n") + INCLUDE
    found = including(tmp_path, text)
    assert found.headers == {"Accept": "application/json", "X-A": "from-the-fragment"}
    assert list(found.tools) == ["shared", "now"]
    now = found.tools["now"]
    assert now.description == "Latest"
    assert now.errors is not None
    assert now.errors.retry_on == (503,), "a list is replaced as a whole"
    assert now.errors.message_path == "$.common"
    assert found.fragments == {"common.dadl": content_hash(FRAGMENT.encode())}


def test_a_fragment_may_bring_a_mapping_that_the_file_does_not_have(tmp_path: Path) -> None:
    hints = "_fragment: true\nnow: {unit: metric}\n"
    found = including(tmp_path, PLAIN + "includes: [{path: common.dadl, merge_into: backend.hints}]\n", hints)
    assert found.tools["now"].hints == {"unit": "metric"}


def test_what_is_wrong_in_a_fragment_is_told_at_its_place(tmp_path: Path) -> None:
    broken = "_fragment: true\ntools:\n  shared: {method: FETCH, path: /shared, access: read, description: Shared}\n"
    (tmp_path / "common.dadl").write_text(broken, encoding="utf-8")
    (tmp_path / "wx.dadl").write_text(PLAIN + "includes: [{path: common.dadl, merge_into: backend}]\n", encoding="utf-8")
    (problem,) = load_definition(tmp_path / "wx.dadl").problems
    assert str(problem).startswith("common.dadl:3:20: error: tool `shared`: unsupported method `FETCH`.")


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("_fragment: true\nincludes: []\n", "common.dadl:2:1: error: a fragment can't include others."),
        ("- a\n", "wx.dadl:10:19: error: the fragment `common.dadl` must be a mapping, with `_fragment: true` in it."),
        ("hints: {}\n", "common.dadl:1:1: warning: the fragment does not say that it is one. Write `_fragment: true`."),
        ("a: [\n", "common.dadl:2:1: error: not YAML: did not find expected node content."),
    ],
)
def test_what_is_no_fragment_is_refused(tmp_path: Path, fragment: str, said: str) -> None:
    (tmp_path / "common.dadl").write_text(fragment, encoding="utf-8")
    (tmp_path / "wx.dadl").write_text(PLAIN + "includes: [{path: common.dadl, merge_into: backend}]\n", encoding="utf-8")
    assert any(str(problem).startswith(said) for problem in load_definition(tmp_path / "wx.dadl").problems)


@pytest.mark.parametrize("where", ["nothing.there", "backend.name", "", "backend..tools"])
def test_a_place_that_is_no_mapping_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "common.dadl").write_text(FRAGMENT, encoding="utf-8")
    said = told(tmp_path, PLAIN + f"includes: [{{path: common.dadl, merge_into: '{where}'}}]\n")
    assert said[0] == (
        f"10:44 error: `{where}` is no mapping of this file. Name one by the keys that lead to it, for instance "
        "`backend.tools`."
    )


def test_a_link_that_leads_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "dadl"
    inside.mkdir()
    (tmp_path / "secret.dadl").write_text(FRAGMENT, encoding="utf-8")
    (inside / "common.dadl").symlink_to(tmp_path / "secret.dadl")
    assert told(inside, PLAIN + "includes: [{path: common.dadl, merge_into: backend}]\n") == [
        "10:19 error: the fragment `common.dadl` is not taken: it is a link that leads out of the directory of the DADL "
        "files."
    ]


def test_a_link_inside_of_the_directory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.dadl").write_text(FRAGMENT, encoding="utf-8")
    (tmp_path / "other.dadl").symlink_to("real.dadl")
    found = including(tmp_path, PLAIN + "includes: [{path: other.dadl, merge_into: backend}]\n")
    assert "shared" in found.tools


@pytest.mark.parametrize("name", ["wx.dadl", "sub", "a\\b.dadl"])
def test_a_file_itself_a_directory_and_a_name_of_another_system_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (said,) = told(tmp_path, PLAIN + f"includes: [{{path: '{name}', merge_into: backend}}]\n")
    assert said.startswith("10:19 error: the fragment ")


def test_fragments_that_blow_a_file_up_are_refused(tmp_path: Path) -> None:
    row, rows = ", ".join("x" * 200), ", ".join(["*row"] * 200)
    for number in range(3):
        text = f"_fragment: true\n_row: &row [{row}]\nhints{number}: [{rows}]\n"
        (tmp_path / f"f{number}.dadl").write_text(text, encoding="utf-8")
    listed = ", ".join(f"{{path: f{number}.dadl, merge_into: backend}}" for number in range(3))
    said = told(tmp_path, PLAIN + f"includes: [{listed}]\n")
    assert any("with its fragments the file has more than 100000 values. Split it." in text for text in said)


def test_more_includes_than_there_may_be_are_refused(tmp_path: Path) -> None:
    listed = ", ".join(["{path: common.dadl, merge_into: backend}"] * 33)
    assert told(tmp_path, PLAIN + f"includes: [{listed}]\n") == [
        "10:11 error: more than 32 includes. Put several fragments into one file."
    ]

"""What `toolmesh check` says of what tools will be called."""

from pathlib import Path

import pytest

from toolmesh.check import examine

URL = "transport: http, url: 'https://up.example/mcp', class: {x: read}"


def warnings(directory: Path, *entries: str) -> list[str]:
    (directory / "backends.yaml").write_text("backends:\n" + "".join(f"  - {{{entry}, {URL}}}\n" for entry in entries))
    report = examine({}, directory)
    assert report.errors == []
    return [text for text in report.warnings if text.startswith("backend ")]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (("name: mesh",), "`more` or `wait`"),
        (("name: discover",), "`tools`"),
        (("name: execute",), "`code`"),
        (("name: google", "name: google_drive"), "`drive_` has a name that belongs to backend google_drive"),
        (("name: a, include_tools: [x], aliases: {x: y}",), "a tool of that name wins"),
        (("name: a, include_tools: [x], aliases: {old: y}",), "calls of `old` find nothing"),
        (("name: a, include_tools: [x], expose_tools: [y]",), "`y`, which is not in `include_tools`"),
        (("name: a, expose_tools: [web_search]",), "it is listed as `a_web_search`"),
        (("name: a, expose_tools: [mesh_wait]",), "it is listed as `a_mesh_wait`"),
        (("name: a, expose_tools: [find]", "name: b, expose_tools: [find, x]"), "as that of b has"),
    ],
)
def test_names_that_will_not_be_what_one_expects_are_warned_of(tmp_path: Path, entries: tuple[str, ...], said: str) -> None:
    assert said in "\n".join(warnings(tmp_path, *entries))


def test_names_that_are_fine_are_not(tmp_path: Path) -> None:
    fine = (
        "name: google",
        "name: googledrive",
        "name: a, include_tools: [new], aliases: {old: new}",
        "name: b, aliases: {x: y}, expose_tools: [one, two]",
    )
    assert warnings(tmp_path, *fine) == []


@pytest.mark.parametrize(
    ("environment", "warned"), [({}, False), ({"TOOLMESH_DIRECT_TOOLS": "31"}, True)], ids=["30", "31"]
)
def test_a_long_list_is_warned_of(tmp_path: Path, environment: dict[str, str], warned: bool) -> None:
    report = examine(environment, tmp_path)
    assert any("models choose badly among more than 30" in text for text in report.warnings) == warned

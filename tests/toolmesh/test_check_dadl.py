"""What `toolmesh check` says of the DADL files that backends.yaml names."""

import json
from pathlib import Path
from typing import Any

from tests.toolmesh.command import toolmesh
from tests.workers.rest.written import PLAIN

NO_URL = PLAIN.replace("  base_url: https://wx.example\n", "")


def check(tmp_path: Path, entry: str, text: str | None = PLAIN, **environment: str) -> dict[str, Any]:
    (tmp_path / "backends.yaml").write_text(f"backends:\n  - {{name: wx, transport: rest, {entry}}}\n", encoding="utf-8")
    if text is not None:
        (tmp_path / "dadl").mkdir(exist_ok=True)
        (tmp_path / "dadl" / "wx.dadl").write_text(text, encoding="utf-8")
    done = toolmesh("check", "--json", "--config", str(tmp_path), TOOLMESH_API_KEY="k" * 32, **environment)
    found: dict[str, Any] = json.loads(done.out)
    assert done.code == (0 if found["ok"] else 1)
    return found


def test_a_file_that_is_fine_is_no_error_and_no_warning(tmp_path: Path) -> None:
    found = check(tmp_path, "dadl: wx.dadl", CREDENTIAL_WX="secret")
    assert found["errors"] == []
    assert not [text for text in found["warnings"] if "backend wx" in text]
    assert not [text for text in found["warnings"] if "CREDENTIAL" in text]


def test_problems_of_the_file_are_told_with_their_places(tmp_path: Path) -> None:
    text = PLAIN.replace("method: GET", "method: FETCH").replace("access: read", "acces: read")
    found = check(tmp_path, "dadl: wx.dadl", text)
    assert found["errors"] == [
        "backend wx: dadl/wx.dadl:9:19: tool `now`: unsupported method `FETCH`. Write one of GET, POST, PUT, PATCH, "
        "DELETE, HEAD."
    ]
    assert (
        "backend wx: dadl/wx.dadl:9:38: `now` in `tools` has the unknown key `acces`, which is ignored. Did you mean "
        "`access`?"
    ) in found["warnings"]


def test_a_missing_file_and_one_outside_of_the_directory_are_errors(tmp_path: Path) -> None:
    (said,) = check(tmp_path, "dadl: wx.dadl", None)["errors"]
    assert (
        said == f"backend wx: dadl/wx.dadl: {tmp_path / 'dadl' / 'wx.dadl'} does not exist. Create it, or correct the name."
    )
    for name in ("../wx.dadl", "/wx.dadl"):
        (said,) = check(tmp_path, f"dadl: {name}")["errors"]
        assert f"`dadl: {name}` is not the path of a file in" in said


def test_the_directory_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "wx.dadl").write_text(PLAIN, encoding="utf-8")
    assert check(tmp_path, "dadl: wx.dadl", None, TOOLMESH_DADL_DIR=str(elsewhere))["errors"] == []


def test_a_url_is_needed_from_the_file_or_the_entry(tmp_path: Path) -> None:
    (said,) = check(tmp_path, "dadl: wx.dadl", NO_URL)["errors"]
    assert said.startswith("backend wx: base_url is required (set in .dadl file or via backends.yaml url field).")
    assert check(tmp_path, "dadl: wx.dadl, url: 'https://lab.example'", NO_URL)["errors"] == []


def test_names_of_tools_that_there_are_not_are_warnings(tmp_path: Path) -> None:
    entry = "dadl: wx.dadl, class: {noww: read}, expose_tools: [now], include_tools: [nou]"
    warnings = check(tmp_path, entry)["warnings"]
    assert "backend wx: `class` names `noww`, which wx.dadl does not have. Did you mean `now`?" in warnings
    assert "backend wx: `include_tools` names `nou`, which wx.dadl does not have. Did you mean `now`?" in warnings
    assert not [text for text in warnings if "`expose_tools` names" in text], "the file has it"


def test_a_credential_that_is_not_there_is_a_warning_by_the_name_that_the_entry_gives_it(tmp_path: Path) -> None:
    tail = "is not set here; its workers need it, or send requests without a credential."
    assert f"backend wx: CREDENTIAL_WX {tail}" in check(tmp_path, "dadl: wx.dadl")["warnings"]
    mapped = check(tmp_path, "dadl: wx.dadl, env: {CREDENTIAL_WX: LAB_WX}")["warnings"]
    assert f"backend wx: LAB_WX {tail}" in mapped
    public = check(tmp_path, "dadl: wx.dadl", PLAIN.replace("credential: wx", "credential: none"))["warnings"]
    assert not [text for text in public if "CREDENTIAL" in text]

"""`toolmesh dadl lint`: what it looks at, what it prints, and how it ends."""

import json
import sys
from pathlib import Path

import pytest

from tests.toolmesh.command import refused, toolmesh
from tests.workers.rest.written import PLAIN, composite

BROKEN = PLAIN.replace("method: GET", "method: FETCH")
WARNED = PLAIN.replace("access: read", "acces: read")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_that_is_fine_ends_with_0(tmp_path: Path) -> None:
    done = toolmesh("dadl", "lint", str(written(tmp_path / "a.dadl", PLAIN)))
    assert (done.code, done.out, done.err) == (0, "1 files, 0 errors, 0 warnings\n", "")


def test_an_error_is_told_with_its_place_and_ends_with_1(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dadl", BROKEN)
    done = toolmesh("dadl", "lint", str(path))
    assert done.code == 1
    assert done.out.splitlines() == [
        f"{path}:9:19: error: tool `now`: unsupported method `FETCH`. Write one of GET, POST, PUT, PATCH, DELETE, HEAD.",
        "1 files, 1 errors, 0 warnings",
    ]


def test_a_warning_ends_with_0(tmp_path: Path) -> None:
    done = toolmesh("dadl", "lint", str(written(tmp_path / "a.dadl", WARNED)))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "1 files, 0 errors, 1 warnings"


def test_a_directory_is_looked_through_and_fragments_are_no_files(tmp_path: Path) -> None:
    written(tmp_path / "deep" / "b.dadl", WARNED)
    written(tmp_path / "common.dadl", "_fragment: true\nhints: {now: {unit: metric}}\n")
    including = PLAIN + "includes: [{path: common.dadl, merge_into: backend}]\n"
    fine = written(tmp_path / "a.dadl", including)
    written(tmp_path / "notes.txt", "not looked at")
    done = toolmesh("dadl", "lint", str(tmp_path), str(fine))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "2 files, 0 errors, 1 warnings", "a file that is named twice is looked at once"


def test_json_is_one_object(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dadl", BROKEN)
    done = toolmesh("dadl", "lint", "--json", str(path))
    assert done.code == 1
    assert json.loads(done.out) == {
        "ok": False,
        "files": 1,
        "problems": [
            {
                "severity": "error",
                "file": str(path),
                "line": 9,
                "column": 19,
                "text": "tool `now`: unsupported method `FETCH`. Write one of GET, POST, PUT, PATCH, DELETE, HEAD.",
            }
        ],
        "notes": [],
    }


def test_scripts_and_jq_programs_are_read_by_their_engines(tmp_path: Path) -> None:
    text = composite(
        "\n      description: A\n      code: |\n        const a = await api.now({});\n        return a.map((x) => x));"
    )
    text += "    d: {description: D, code: '} while (true) {} {'}\n    e: {description: E, code: 'while (true) {}'}\n"
    text += "  examples: [{name: A, description: B, code: 'return api.now('}]\n"
    text = text.replace("description: Latest}", "description: Latest, response: {transform: 'map({id'}}")
    path = written(tmp_path / "a.dadl", text)
    done = toolmesh("dadl", "lint", str(path))
    assert done.code == 1
    *said, end = done.out.splitlines()
    begins = (
        f"{path}:9:93: error: The jq program can't be used: jq: error: syntax error",
        f"{path}:15:1: error: the script can't be run: SyntaxError: ",
        f"{path}:16:31: error: the script can't be run: SyntaxError: ",
        f"{path}:18:46: warning: the example can't be run: SyntaxError: ",
    )
    assert [line.startswith(begin) for line, begin in zip(said, begins, strict=True)] == [True] * 4, done.out
    assert end == "1 files, 3 errors, 1 warnings"
    assert done.err == ""


def test_a_sandbox_that_can_not_be_had_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.dadl", composite("{description: A, code: 'return )'}"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    done = toolmesh("dadl", "lint", "--json", str(path))
    assert done.code == 0
    (note,) = json.loads(done.out)["notes"]
    assert note.startswith(f"the syntax of scripts and jq programs is not checked, from {path} on: ")


def test_nothing_to_look_at_ends_with_2(tmp_path: Path) -> None:
    assert "holds no .dadl file" in refused(toolmesh("dadl", "lint", str(tmp_path)))
    assert "does not exist" in refused(toolmesh("dadl", "lint", str(tmp_path / "none")))
    assert "Missing argument" in refused(toolmesh("dadl", "lint"))


def test_the_configuration_that_toolmesh_brings_has_no_broken_file() -> None:
    done = toolmesh("dadl", "lint", str(Path(__file__).parent.parent / "workers" / "rest" / "whole.dadl"))
    assert (done.code, done.err) == (0, "")

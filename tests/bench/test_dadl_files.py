"""What reading DADL files costs is measured where there are published ones, and left out where there are none."""

from pathlib import Path

import pytest

from bench import dadl_files
from bench.figures import Figures
from bench.parts import PARTS
from bench.scenarios import QUICK
from tests.workers.rest.written import PLAIN

(PART,) = (part for part in PARTS if part.name == "dadl")


def test_files_are_read_cold_and_from_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "wx.dadl").write_text(PLAIN, encoding="utf-8")
    monkeypatch.setattr(dadl_files, "PUBLISHED", files)
    figures = Figures()
    said: list[str] = []
    PART.measure(tmp_path, QUICK, figures, said.append)
    assert figures.median("dadl/tools") == 1
    assert len(list((tmp_path / "cache-0").glob("*.msgpack"))) == 1
    assert [row.unit for row in PART.rows(figures)] == ["s", "s", "number"]


def test_where_there_are_no_files_there_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dadl_files, "PUBLISHED", tmp_path / "none")
    figures = Figures()
    said: list[str] = []
    PART.measure(tmp_path, QUICK, figures, said.append)
    assert "left out" in said[0]
    assert PART.rows(figures) == []

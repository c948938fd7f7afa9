"""Definitions that were read before: what is taken from the disk, and what is read anew."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.workers.rest.written import PLAIN
from workers.backends.rest.reader.including import content_hash
from workers.backends.rest.reader.loading import Loaded
from workers.backends.rest.reader.store import DefinitionStore, Entry

WARNED = PLAIN.replace("description: Weather", "descriptio: Weather")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dadl" / "wx.dadl"
    path.parent.mkdir()
    path.write_text(WARNED, encoding="utf-8")
    return path


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("*"))


def load(tmp_path: Path, file: Path, entries_max: int = 10) -> Loaded:
    """As a process does that has just started."""
    return DefinitionStore(tmp_path / "cache", entries_max).load(file, file.parent)


def marked(tmp_path: Path, change: Callable[[Entry], Entry] = lambda entry: entry) -> None:
    """Write another description into what lies on the disk, so that it can be told from what is read anew."""
    (path,) = entries(tmp_path)
    entry = msgspec.msgpack.decode(path.read_bytes()[32:], type=Entry)
    tampered = msgspec.structs.replace(entry.definition, description="from the disk")
    packed = msgspec.msgpack.encode(change(msgspec.structs.replace(entry, definition=tampered)))
    path.write_bytes(hashlib.sha256(packed).digest() + packed)


def description(loaded: Loaded) -> str:
    assert loaded.definition is not None
    return loaded.definition.description


def test_what_was_read_once_is_taken_from_the_disk_with_its_warnings(tmp_path: Path, file: Path) -> None:
    first = load(tmp_path, file)
    (entry,) = entries(tmp_path)
    assert entry.name == f"{content_hash(WARNED.encode())}.msgpack"
    assert entry.stat().st_mode & 0o777 == 0o600
    assert entry.parent.stat().st_mode & 0o777 == 0o700
    again = load(tmp_path, file)
    assert again == first
    assert "unknown key `descriptio`" in again.problems[1].text
    marked(tmp_path)
    assert description(load(tmp_path, file)) == "from the disk"


def test_a_file_that_changed_is_read_again(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)
    file.write_text(PLAIN, encoding="utf-8")
    assert description(load(tmp_path, file)) == "Weather"
    assert len(entries(tmp_path)) == 2


def test_what_is_damaged_is_read_again_and_mended(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)
    (entry,) = entries(tmp_path)
    good = entry.read_bytes()
    for bad in (b"", good[:-1], good[:40] + b"x" + good[41:], b"\0" * 32 + good[32:], b"\x80" * 100):
        entry.write_bytes(bad)
        assert description(load(tmp_path, file)) == ""
        assert entry.read_bytes() == good


def test_what_other_code_has_made_is_read_again(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)
    marked(tmp_path, lambda entry: msgspec.structs.replace(entry, made_by="an earlier release"))
    assert description(load(tmp_path, file)) == ""


def test_what_is_of_another_file_is_read_again(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)

    def of_another(entry: Entry) -> Entry:
        return msgspec.structs.replace(entry, definition=msgspec.structs.replace(entry.definition, hash="0" * 64))

    marked(tmp_path, of_another)
    assert description(load(tmp_path, file)) == ""


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_may_write_is_read_again(tmp_path: Path, file: Path, mode: int) -> None:
    load(tmp_path, file)
    marked(tmp_path)
    (entry,) = entries(tmp_path)
    entry.chmod(mode)
    assert description(load(tmp_path, file)) == ""


def test_a_link_is_not_followed(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)
    marked(tmp_path)
    (entry,) = entries(tmp_path)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert description(load(tmp_path, file)) == ""


def test_a_fragment_that_changed_makes_the_file_be_read_again(tmp_path: Path, file: Path) -> None:
    fragment = file.parent / "common.dadl"
    fragment.write_text("_fragment: true\ndescription: One\n", encoding="utf-8")
    file.write_text(WARNED + "includes: [{path: common.dadl, merge_into: backend}]\n", encoding="utf-8")
    assert description(load(tmp_path, file)) == "One"
    store = DefinitionStore(tmp_path / "cache", 10)
    assert description(store.load(file, file.parent)) == "One"
    fragment.write_text("_fragment: true\ndescription: Two\n", encoding="utf-8")
    assert description(store.load(file, file.parent)) == "Two"
    fragment.unlink()
    assert store.load(file, file.parent).definition is None


def test_a_file_with_an_error_is_not_kept(tmp_path: Path, file: Path) -> None:
    file.write_text(PLAIN.replace("type: rest", "type: soap"), encoding="utf-8")
    assert load(tmp_path, file).definition is None
    assert entries(tmp_path) == []


def test_the_oldest_go_first(tmp_path: Path, file: Path) -> None:
    store = DefinitionStore(tmp_path / "cache", 2)
    for number in range(4):
        file.write_text(PLAIN + f"# {number}\n", encoding="utf-8")
        assert store.load(file, file.parent).definition is not None
        (newest,) = (path for path in entries(tmp_path) if path.stem == content_hash(file.read_bytes()))
        os.utime(newest, (number, number))
    assert len(entries(tmp_path)) == 2
    assert content_hash((PLAIN + "# 3\n").encode()) in {path.stem for path in entries(tmp_path)}


def test_a_disk_that_takes_nothing_is_no_trouble(tmp_path: Path, file: Path) -> None:
    (tmp_path / "cache").write_text("a file, where a directory should be", encoding="utf-8")
    assert description(load(tmp_path, file)) == ""
    assert DefinitionStore(None, 1).load(file, file.parent).definition is not None


def test_warnings_name_the_file_that_they_are_asked_for(tmp_path: Path, file: Path) -> None:
    load(tmp_path, file)
    other = file.with_name("other.dadl")
    other.write_text(WARNED, encoding="utf-8")
    assert {problem.file for problem in load(tmp_path, other).problems} == {"other.dadl"}

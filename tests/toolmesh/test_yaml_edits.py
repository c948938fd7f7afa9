"""Changes to files of entries: the text keeps its layout and its comments, and what can't be changed safely stays whole."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from tests.mesh import ROOT
from toolmesh.yaml_edits import EntriesText, edited

Change = Callable[[EntriesText], None]


def change(directory: Path, text: str, *changes: Change) -> str:
    """The file's text after these changes."""
    file = directory / "things.yaml"
    file.write_bytes(text.encode())
    with edited(file, "things", "# made\n") as entries:
        for each in changes:
            each(entries)
    return file.read_bytes().decode()


def remove(at: int) -> Change:
    return lambda text: text.remove(at)


def put(at: int, name: str, value: str | bool) -> Change:
    return lambda text: text.change(at, name, value, beside="id")


def extend(at: int, text: str) -> Change:
    return lambda entries: entries.extend(at, "uris", text, beside="id")


def append(**values: str | bool | tuple[str, ...]) -> Change:
    return lambda text: text.append(values)


@pytest.mark.parametrize(
    ("before", "done", "after"),
    [
        # A key's value in its place, whatever it was.
        ("things:\n- id: a\n  x: old  # why\n", put(0, "x", "new"), 'things:\n- id: a\n  x: "new"  # why\n'),
        ("things:\n- x: 'o''ld'\n  id: a\n", put(0, "x", "new"), 'things:\n- x: "new"\n  id: a\n'),
        ("things:\n- id: a\n  x:\n", put(0, "x", True), "things:\n- id: a\n  x: true\n"),
        ("things: [{id: a, x: old}, {id: b}]\n", put(0, "x", "n"), 'things: [{id: a, x: "n"}, {id: b}]\n'),
        # A key that was not there.
        ("things:\n  - id: a # who\n    y: 1\n", put(0, "x", False), "things:\n  - id: a # who\n    x: false\n    y: 1\n"),
        ("things: [{id: a}, {id: b}]\n", put(1, "x", True), "things: [{id: a}, {id: b, x: true}]\n"),
        # An item of a list within an entry.
        ("things:\n- id: a\n  uris: [u]\n", extend(0, "v"), 'things:\n- id: a\n  uris: [u, "v"]\n'),
        ("things:\n- id: a\n  uris: []\n", extend(0, "v"), 'things:\n- id: a\n  uris: ["v"]\n'),
        ("things:\n- id: a\n", extend(0, "v"), 'things:\n- id: a\n  uris: ["v"]\n'),
        ("things:\n- id: a\n  uris:\n", extend(0, "v"), 'things:\n- id: a\n  uris: ["v"]\n'),
        (
            "things:\n- id: a\n  uris:\n    - u  # one\n  y: 1\n",
            extend(0, "v"),
            'things:\n- id: a\n  uris:\n    - u  # one\n    - "v"\n  y: 1\n',
        ),
        ("things:\n- id: a\n  uris: [u,\n    w]\n", extend(0, "v"), 'things:\n- id: a\n  uris: [u,\n    w, "v"]\n'),
        # An entry taken out.
        ("things:\n- id: a\n- id: b\n- id: c\n", remove(1), "things:\n- id: a\n- id: c\n"),
        ("things:\n  - id: a\n    x: 1\n# tail\n", remove(0), "things:\n# tail\n"),
        ("things:\n  # of b\n  -\n    id: b\n  - id: c\n", remove(0), "things:\n  # of b\n  - id: c\n"),
        ("things: [{id: a}, {id: b}]\n", remove(0), "things: [{id: b}]\n"),
        ("things: [{id: a}, {id: b}]\n", remove(1), "things: [{id: a}]\n"),
        ("things: [{id: a}]\n", remove(0), "things: []\n"),
        # An entry put behind the others; line ends stay what they were.
        ("things:\r\n- id: a\r\n", append(id="b"), 'things:\r\n- id: a\r\n- id: "b"\r\n'),
        ("\ufeffthings:\n- id: a\n", append(id="b"), 'things:\n- id: a\n- id: "b"\n'),
        ("_x: &x [1]\nthings: [{id: a, x: *x}]\n", append(id="b"), '_x: &x [1]\nthings: [{id: a, x: *x}, {id: "b"}]\n'),
    ],
)
def test_a_change_leaves_all_else_as_it_was(before: str, done: Change, after: str, tmp_path: Path) -> None:
    assert change(tmp_path, before, done) == after


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("things:\n- {id: a,\n   x: &v old}\n- {id: b, x: *v}\n", put(0, "x", "new")),
        ("things:\n- &a {id: a, x: 1}\n- *a\n", put(0, "x", "new")),
        ("_a: &a {id: a}\nthings:\n- *a\n", put(0, "x", "new")),
        ("_a: &a {uris: [u]}\nthings:\n- {<<: *a, id: a}\n- {<<: *a, id: b}\n", extend(0, "v")),
        ("things:\n- &a {id: a}\n- *a\n", remove(0)),
        ("things: &t\n- id: a\nothers: *t\n", append(id="b")),
        ("things:\n- id: a\n  x: >\n    o\n    ld\n- id: b\n", put(0, "x", "n")),
        ("things: {a: 1}\n", append(id="b")),
        ("things: text\n", append(id="b")),
        ("- id: a\n", append(id="b")),
    ],
)
def test_a_layout_that_can_not_be_changed_safely_is_refused_and_stays(text: str, done: Change, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"left as it is|not YAML"):
        change(tmp_path, text, done)
    assert (tmp_path / "things.yaml").read_text() == text


def test_values_are_read_as_the_texts_that_they_are(tmp_path: Path) -> None:
    odd = ('say "no"', "yes: # no", "null", "- x", "ünï \u2028", "12", "*a")
    text = change(tmp_path, "", *(append(id=value, list=(value,)) for value in odd))
    assert text.startswith("things:\n")
    assert text == change(tmp_path, text)


def test_commands_at_the_same_time_all_count(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from toolmesh.yaml_edits import edited\n"
        "for n in range(10):\n"
        "    with edited(Path(sys.argv[1]), 'things', '# made\\n') as text: text.append({'id': f'{sys.argv[2]}-{n}'})\n"
    )
    file = tmp_path / "things.yaml"
    children = [subprocess.Popen([sys.executable, "-c", code, str(file), str(n)], cwd=ROOT) for n in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert file.read_text().startswith("# made\nthings:\n")
    assert sorted(file.read_text().splitlines()[2:]) == sorted(f'  - id: "{a}-{n}"' for a in range(3) for n in range(10))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file to anybody")
def test_a_file_keeps_its_owner_group_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "things.yaml"
    file.write_text("things:\n- id: a\n")
    os.chown(file, 10_001, 10_002)
    file.chmod(0o640)
    with edited(file, "things", "") as entries:
        entries.append({"id": "b"})
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (10_001, 10_002, 0o640)
    assert "b" in file.read_text()

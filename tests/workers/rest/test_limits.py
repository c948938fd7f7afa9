"""What no file may do to us: bombs, sizes, depths, what is no text."""

from pathlib import Path

from tests.workers.rest.written import AUTH, HEAD, PLAIN, V1, V2, told
from workers.backends.rest.reader.loading import load_definition


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["_a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"_a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (said,) = told(tmp_path, "\n".join(lines) + "\n" + PLAIN)
    assert said == "5:6 error: more than 100000 values, aliases counted. Use fewer aliases."


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    (said,) = told(tmp_path, PLAIN + "#" * (1024 * 1024))
    assert said == "error: larger than 1048576 bytes. Split it, or remove what is not needed."


def test_a_deep_file_is_refused(tmp_path: Path) -> None:
    (said,) = told(tmp_path, PLAIN + "_deep: " + "[" * 100 + "]" * 100 + "\n")
    assert "nested deeper than 64 levels" in said


def test_more_tools_than_there_may_be_are_refused(tmp_path: Path) -> None:
    tools = "".join(f"    t{n}: {{method: GET, path: /a, description: A}}\n" for n in range(5001))
    assert told(tmp_path, V1 + HEAD + AUTH + "  tools:\n" + tools) == [
        "8:3 error: more than 5000 tools. Split the file, and give each part a name."
    ]


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wx.dadl"
    path.write_bytes(PLAIN.encode() + b"\xff\n")
    assert [str(problem) for problem in load_definition(path).problems] == [
        "wx.dadl:10:1: error: not UTF-8. Save the file as UTF-8."
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = load_definition(tmp_path / "none.dadl").problems
    assert str(problem) == (f"none.dadl: error: {tmp_path / 'none.dadl'} does not exist. Create it, or correct the name.")


def test_many_problems_are_all_told_in_their_order_up_to_a_limit(tmp_path: Path) -> None:
    tools = "".join(f"    t{n}: {{method: NO, path: /a, description: A}}\n" for n in range(500))
    said = told(tmp_path, V2 + HEAD + AUTH + "  tools:\n" + tools)
    assert len(said) == 200
    assert said[0].startswith("9:18 error: tool `t0`")
    assert said[-1].startswith("208:")


def test_names_that_are_all_unknown_are_not_compared_without_end(tmp_path: Path) -> None:
    """Each with each would be millions of comparisons, and minutes."""
    tools = "".join(f"    tool{n}: {{method: GET, path: /a, description: A}}\n" for n in range(2_000))
    hints = "".join(f"    hint{n}: {{a: b}}\n" for n in range(2_000))
    said = told(tmp_path, V1 + HEAD + AUTH + "  tools:\n" + tools + "  hints:\n" + hints + "    tool: {a: b}\n")
    assert len(said) == 200
    assert all("which is no tool." in text for text in said)

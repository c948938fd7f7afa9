"""The bench's table, and how it gets into a page."""

from pathlib import Path

import pytest

from bench.row import Goal, Row
from bench.table import BEGIN, END, number, write_between_marks, write_table


def test_a_row_shows_both_figures_their_ratio_the_noise_and_whether_the_goal_is_met() -> None:
    row = Row(
        what="echo",
        unit="calls/s",
        base=12000.0,
        mesh=6000.0,
        noise=0.034,
        goal=Goal("≥ 3,000/s", 6000.0, 3000, at_least=True),
    )
    line = write_table([row]).splitlines()[2]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "echo",
        "calls/s",
        "12,000",
        "6,000",
        "0.5",
        "± 3%",
        "≥ 3,000/s",
        "yes",
    ]


def test_a_missed_goal_stands_out() -> None:
    row = Row(what="start", unit="s", mesh=3.4, goal=Goal("≤ 3 s", 3.4, 3.0))
    assert "**no**" in write_table([row])


def test_every_line_of_the_table_is_as_wide_as_the_others() -> None:
    rows = [Row(what="a", unit="ms", mesh=1.0), Row(what="a much longer name", unit="calls/s", mesh=123456.0, base=1.0)]
    assert len({len(line) for line in write_table(rows).splitlines()}) == 1


@pytest.mark.parametrize(
    ("value", "shown"), [(0.4567, "0.46"), (12.34, "12.3"), (9026.4, "9,026"), (None, ""), (-1.5, "-1.50")]
)
def test_numbers_keep_three_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_pages_text_around_the_marks_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_between_marks(page, "new\n")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(ValueError, match="bench:begin"):
        write_between_marks(page, "new\n")
    assert page.read_text(encoding="utf-8") == "nothing here\n"

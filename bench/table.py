"""The table as Markdown, which a terminal shows well enough too, and its place in a page."""

from collections.abc import Sequence
from pathlib import Path

from bench.row import Row

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_HEADINGS = ("what", "unit", "without the mesh", "through the mesh", "ratio", "noise", "goal", "met")
_TEXT_COLUMNS = {0, 1, 6, 7}


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; empty for nothing."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def write_table(rows: Sequence[Row]) -> str:
    """A Markdown table whose columns are aligned."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    lines = [
        "| "
        + " | ".join(_padded(text, width, column) for column, (text, width) in enumerate(zip(line, widths, strict=True)))
        + " |"
        for line in cells
    ]
    rule = "|".join("-" * (width + 1) + ("-" if column in _TEXT_COLUMNS else ":") for column, width in enumerate(widths))
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    noise = "" if row.noise is None else f"± {row.noise:.0%}"
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    goal, met = ("", "") if row.goal is None else (row.goal.text, "yes" if row.goal.met else "**no**")
    return (row.what, row.unit, number(row.base), number(row.mesh), ratio, noise, goal, met)


def _padded(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column in _TEXT_COLUMNS else text.rjust(width)


def write_between_marks(page: Path, text: str, first: str = BEGIN, last: str = END) -> None:
    """Put a text between the two marks of a page. Raises ValueError for a page without them."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{page} has no {first} … {last}")
    page.write_text(f"{before}{first}\n{text}{last}{after}", encoding="utf-8")

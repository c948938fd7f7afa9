"""The plot as SVG, written here: groups of bars in two panels, readable on white and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.figures import Figures
from bench.rows import BUSY, ECHO, EDGE, FAST, USUAL, counted, direct, through
from bench.scenarios import CONNECTIONS
from bench.table import number

_COLOURS = ("#9aa5b1", "#2f6f9f", "#c9b79c", "#b5651d", "#b9c4ae", "#4f7a3a")
_LEFT, _TOP, _HEIGHT, _PANEL, _GAP = 20, 64, 260, 520, 40


@dataclass(frozen=True)
class Panel:
    """Bars in groups: `series` has one name for each bar of a group, `values` one list for each group."""

    title: str
    groups: Sequence[str]
    series: Sequence[str]
    values: Sequence[Sequence[float]]


def panels(figures: Figures) -> list[Panel]:
    """What the plot shows: calls per second by connections, and the time of one call."""
    series = [EDGE, ECHO, direct(FAST), through(FAST), direct(USUAL), through(USUAL)]
    rate = [[figures.median(f"load/{count}/{name}/per_s") for name in series] for count in CONNECTIONS]
    time_ms = [[figures.median(f"sequential/{name}/{rank}_ms") for name in series] for rank in ("p50", "p99")]
    return [
        Panel("calls per second (more is better)", [counted(count) for count in CONNECTIONS], series, rate),
        Panel("milliseconds for one call, one client (less is better)", ["p50", "p99"], series, time_ms),
    ]


def write_plot(title: str, shown: Sequence[Panel]) -> str:
    """An SVG document."""
    width = _LEFT * 2 + len(shown) * _PANEL + (len(shown) - 1) * _GAP
    height = _TOP + _HEIGHT + 76
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="11" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(_LEFT, 24, title, size=15, weight="600"),
    ]
    for index, panel in enumerate(shown):
        parts += _draw(panel, _LEFT + index * (_PANEL + _GAP))
    parts += _legend(shown[0].series, height - 20)
    return "\n".join([*parts, "</svg>", ""])


def _draw(panel: Panel, left: float) -> list[str]:
    floor = _TOP + _HEIGHT
    highest = max((value for group in panel.values for value in group), default=0.0) or 1.0
    group_width = _PANEL / len(panel.groups)
    bar = group_width * 0.86 / len(panel.series)
    parts = [_text(left, 48, panel.title, size=12, weight="600")]
    for at, (name, values) in enumerate(zip(panel.groups, panel.values, strict=True)):
        start = left + at * group_width + group_width * 0.07
        for order, value in enumerate(values):
            tall = value / highest * (_HEIGHT - 20)
            x = start + order * bar
            colour = _COLOURS[order % len(_COLOURS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{bar - 1.5:.1f}" height="{tall:.1f}" fill="{colour}">'
                f"<title>{escape(panel.series[order])}, {escape(name)}: {number(value)}</title></rect>"
            )
            parts.append(_text(x + bar / 2, floor - tall - 4, number(value), size=8.5, anchor="middle"))
        parts.append(_text(start + group_width * 0.43, floor + 16, name, anchor="middle"))
    parts.append(f'<path d="M{left} {floor}h{_PANEL}" stroke="#888"/>')
    return parts


def _legend(series: Sequence[str], y: float) -> list[str]:
    parts = []
    for order, name in enumerate(series):
        x = _LEFT + order * 170
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_COLOURS[order % len(_COLOURS)]}"/>')
        parts.append(_text(x + 15, y, name))
    return parts


def _text(x: float, y: float, text: str, *, size: float = 11, weight: str = "400", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


TITLE = f"ToolMesh: what the hop costs (1, 16 and {BUSY} connections, all on one machine)"

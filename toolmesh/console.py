"""What the operator reads: plain lines that are there at once, also through a pipe; colours on a terminal only."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from shared.errors import ConfigurationError, MeshError
from shared.findings import problems_of

_PIPE_WIDTH = 200
"""Characters a table may be wide where there is no terminal to ask."""


def say(text: str = "") -> None:
    """A line on standard output."""
    _write(sys.stdout, text)


def say_aside(text: str) -> None:
    """A line on standard error: what is not the command's result."""
    _write(sys.stderr, text)


def warn(text: str) -> None:
    """A line on standard error that the operator should read."""
    label("warning", "yellow", text)


def show_problems(error: MeshError) -> None:
    """Each problem of an error on a line of its own."""
    for problem in problems_of(error) if isinstance(error, ConfigurationError) else [error.detail]:
        label("error", "red", problem)


def label(word: str, colour: str, text: str) -> None:
    """`word: text` on standard error, the word in colour on a terminal."""
    _write_marked(sys.stderr, f"{word}: ", colour, text)


def say_marked(word: str, colour: str, text: str) -> None:
    """A line on standard output that begins with a word, in colour on a terminal."""
    _write_marked(sys.stdout, word, colour, text)


def _write_marked(stream: TextIO, word: str, colour: str, text: str) -> None:
    if stream.isatty() and "NO_COLOR" not in os.environ:
        from rich.console import Console
        from rich.text import Text

        Console(file=stream, soft_wrap=True).print(Text.assemble((word, f"bold {colour}"), text))
    else:
        _write(stream, word + text)


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table without lines around it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as captured:
        console.print(table)
    say("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _write(stream: TextIO, text: str) -> None:
    try:
        print(text, file=stream, flush=True)
    except (BrokenPipeError, ValueError):
        # Whoever read us is gone. The rest goes nowhere, so that stopping is not disturbed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

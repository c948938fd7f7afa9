"""Lines out of a pipe: the same however they are cut, and never longer than they may be."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UpstreamTooLarge
from workers.backends.mcp_stdio.lines import LineReader

LIMIT = 20
Lines = st.lists(st.binary(max_size=LIMIT).map(lambda line: line.replace(b"\n", b" ")), max_size=8)
Cuts = st.lists(st.integers(0, 200), max_size=8)


async def read(text: bytes, cuts: list[int], *, cut: bool = False) -> list[bytes]:
    """The lines of a text that arrives in pieces."""
    reader = LineReader(LIMIT, cut=cut)
    found: list[bytes] = []

    async def collect() -> None:
        while (line := await reader.line()) is not None:
            found.append(line)

    collecting = asyncio.create_task(collect())
    edges = [0, *sorted(c for c in cuts if c < len(text)), len(text)]
    for start, end in pairwise(edges):
        reader.data_received(text[start:end])
        await asyncio.sleep(0)
    reader.connection_lost(None)
    await collecting
    return found


@given(Lines, Cuts)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    assert asyncio.run(read(b"".join(line + b"\n" for line in lines), cuts)) == lines


@given(Lines, Cuts)
def test_a_last_line_without_an_end_is_a_line(lines: list[bytes], cuts: list[int]) -> None:
    assert asyncio.run(read(b"\n".join([*lines, b"last"]), cuts)) == [*lines, b"last"]


@given(Cuts)
def test_a_line_over_the_limit_is_refused(cuts: list[int]) -> None:
    for text in (b"x" * (LIMIT + 1), b"x" * (LIMIT + 1) + b"\n", b"ok\n" + b"x" * 100 + b"\nok\n"):
        with pytest.raises(UpstreamTooLarge):
            asyncio.run(read(text, cuts))


@given(st.integers(LIMIT + 1, 150), Cuts)
def test_where_lines_are_cut_the_beginning_of_each_is_kept_and_the_rest_is_nothing(length: int, cuts: list[int]) -> None:
    found = asyncio.run(read(b"first\n" + b"x" * length + b"y\nlast\n", cuts, cut=True))
    assert [line for line in found if line] == [b"first", b"x" * LIMIT, b"last"]

"""The grammar of event streams, with the examples of WHATWG HTML section 9.2.6 in any pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UpstreamTooLarge
from workers.backends.mcp_http.events import EventParser


def parse(text: bytes, cuts: list[int]) -> list[bytes]:
    parser = EventParser(1000)
    edges = [0, *sorted(c for c in cuts if c < len(text)), len(text)]
    return [event for a, b in pairwise(edges) for event in parser.feed(text[a:b])]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [b"YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n", None),
        (b"data\n\ndata\ndata\n\ndata:", []),
        (b"data:test\n\ndata: test\n\n", [b"test", b"test"]),
        (b"event: ping\ndata: 1\n\nevent: message\ndata: 2\n\n", [b"2"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [b"a", b"b", b"c"]),
        (b"\n\n\ndata: late\n\n\n", [b"late"]),
    ],
)
def test_events_are_found_however_they_are_cut(text: bytes, events: list[bytes] | None) -> None:
    expected = [b"first event", b"second event", b" third"] if events is None else events

    @given(st.lists(st.integers(0, len(text)), max_size=6))
    def check(cuts: list[int]) -> None:
        found = [event for event in parse(text, cuts) if event.strip(b"\n")]
        assert found == expected

    check()


def test_an_event_without_end_is_cut_off() -> None:
    parser = EventParser(1000)
    for _ in range(9):
        assert parser.feed(b"data: " + b"x" * 100) == []
    with pytest.raises(UpstreamTooLarge):
        parser.feed(b"data: " + b"x" * 100)


def test_the_last_id_and_the_retry_time_are_kept() -> None:
    parser = EventParser(1000)
    parser.feed(b"id: 7\nretry: 250\ndata: \n\nid: bad\x00id\n\nretry: soon\n\n")
    assert (parser.last_id, parser.retry_s) == ("7", 0.25)


def test_an_id_that_no_header_can_carry_is_ignored() -> None:
    parser = EventParser(5000)
    parser.feed(b"id: a\tb\ndata: x\n\nid: " + b"i" * 2000 + b"\ndata: x\n\n")
    assert parser.last_id is None

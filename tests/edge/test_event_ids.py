"""An event's id says where to read on; what is none says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sessions.event_ids import CallPosition, ChangePosition, entry_position, position_of, primer

NUMBERS = st.integers(0, 10**15 - 1)


@given(NUMBERS, NUMBERS)
def test_a_place_among_the_changes_is_read_as_it_was_written(at_ms: int, number: int) -> None:
    position = ChangePosition(at_ms, number)
    assert position_of(position.event_id) == position
    assert entry_position(f"{at_ms}-{number}") == position


@given(st.text("0123456789abcdef", min_size=16, max_size=16), NUMBERS)
def test_a_place_in_a_call_is_read_as_it_was_written(ticket: str, seq: int) -> None:
    assert position_of(CallPosition(ticket, seq).event_id) == CallPosition(ticket, seq)


TICKET = "0" * 16
NO_IDS = [
    *("", "c-", "c-1", "c-1-", "c-1-1-1", "c-\u0661-1", "C-1-1", "c-1-1\n", "c-" + "9" * 16 + "-0", "x" * 9999),
    *(
        TICKET,
        "G" * 16 + "_1",
        "0" * 15 + "_1",
        "_1",
        TICKET + "_",
        TICKET + "_-1",
        TICKET + "_1 ",
        TICKET + "_" + "9" * 16,
    ),
]


@pytest.mark.parametrize("event_id", NO_IDS)
def test_what_is_no_id_of_ours_is_none(event_id: str) -> None:
    assert position_of(event_id) is None


def test_only_clients_that_know_them_get_events_without_data() -> None:
    assert primer("c-1-0", "2025-11-25") == b"id: c-1-0\r\nretry: 1000\r\ndata:\r\n\r\n"
    assert primer("c-1-0", "2025-06-18") == b""

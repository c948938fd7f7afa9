"""A cursor is short, and good for nobody but who it was given to."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.paging.cursors import Cursor, Cursors
from edge.paging.page import NOTE_CHARS_MAX, Page, Place
from edge.request_state import Pending, RequestStates
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from tests.contract.hop import RING
from tests.edge.paging.results import ADA, CALL_ID

CURSOR = Cursor(bytes.fromhex(CALL_ID), "notes", 3, 812_331, True)


def test_any_edge_reads_what_another_one_wrote() -> None:
    text = Cursors(RING).write(CURSOR, ADA)
    found = Cursors(RING).read(text, ADA)
    assert found == CURSOR
    assert found is not None
    assert (found.call_id, found.place) == (CALL_ID, Place(3, 812_331))
    assert Cursors(RING).read(f" {text}\n", ADA) == CURSOR


@pytest.mark.parametrize(
    "other",
    [Principal(subject="bob"), Principal(subject="ada", tenant="t"), Principal(subject="anonymous", anonymous=True)],
)
def test_it_is_no_cursor_for_anybody_else(other: Principal) -> None:
    assert Cursors(RING).read(Cursors(RING).write(CURSOR, ADA), other) is None


def test_the_same_person_may_read_on_with_another_client() -> None:
    other = Principal(subject="ada", caller_id="another", roles=("x",), plan="pro")
    assert Cursors(RING).read(Cursors(RING).write(CURSOR, ADA), other) == CURSOR


@pytest.mark.parametrize("text", ["", "x", "é", "\ud800", "A" * 68, "=" * 40, "v1." + "A" * 80, "A" * 1_000_000, CALL_ID])
def test_what_was_never_written_is_none(text: str) -> None:
    assert Cursors(RING).read(text, ADA) is None


def test_every_changed_character_is_noticed() -> None:
    text = Cursors(RING).write(CURSOR, ADA)
    for at in range(len(text)):
        for other in "AZ09-_b":
            changed = text[:at] + other + text[at + 1 :]
            assert changed == text or Cursors(RING).read(changed, ADA) is None
    assert Cursors(RING).read(text + "A", ADA) is None
    assert Cursors(RING).read(text[:-1], ADA) is None


@given(st.text(string.ascii_letters + string.digits + "-_", max_size=120))
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    assert Cursors(RING).read(text, ADA) is None


def test_a_state_that_was_sealed_for_something_else_is_none() -> None:
    assert Cursors(RING).read(RequestStates(RING, 60).seal(Pending(state="s"), b"b"), ADA) is None


def test_a_key_that_signs_no_longer_still_counts_and_another_mesh_s_does_not() -> None:
    old, new = b"o" * 32, b"n" * 32
    text = Cursors(KeyRing({"edge": {"k1": old}})).write(CURSOR, ADA)
    assert Cursors(KeyRing({"edge": {"k2": new, "k1": old}})).read(text, ADA) == CURSOR
    assert Cursors(KeyRing({"edge": {"k2": new}})).read(text, ADA) is None


def test_the_longest_one_leaves_room_in_the_note_of_a_page() -> None:
    longest = Cursor(b"\xff" * 16, "b" * 32, 2**32, 2**32, True)
    text = Cursors(RING).write(longest, ADA)
    page = Page(False, [], Place(1, 1), 10**12, 10**12, 10**12)
    assert len(text) <= 120
    assert len(page.note(text)) <= NOTE_CHARS_MAX
    assert len(Cursors(RING).write(CURSOR, ADA)) <= 72

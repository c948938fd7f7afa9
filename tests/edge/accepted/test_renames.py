"""Names that are gone, and what their tools are called now."""

from hypothesis import given
from hypothesis import strategies as st

from edge.accepted.renames import Gone, digest_of, gone
from shared.listed_names import ListedName


def names(**tools: str) -> dict[str, ListedName]:
    """Tools of the backend `up` by their own names, with a digest each."""
    return {f"up_{own}": ListedName(own, digest) for own, digest in tools.items()}


def lost(before: dict[str, ListedName], now: dict[str, ListedName], *callable_still: str) -> list[Gone]:
    return gone(before, now, callable_still.__contains__)


def test_a_tool_that_is_new_and_the_same_but_for_its_name_is_the_renamed_one() -> None:
    before, now = names(a="1", b="2", c="3"), names(a="1", d="2", e="9")
    assert lost(before, now) == [Gone("up_b", "b", "d"), Gone("up_c", "c", "")]


def test_nothing_is_guessed_where_it_may_be_one_of_several_or_was_there_before() -> None:
    assert lost(names(a="1"), names(b="1", c="1")) == [Gone("up_a", "a", "")]
    assert lost(names(a="1", b="1"), names(b="1")) == [Gone("up_a", "a", "")]


def test_what_can_still_be_called_by_its_name_is_not_gone() -> None:
    assert lost(names(a="1", b="2"), names(c="1"), "up_a", "up_b") == []
    assert lost(names(a="1"), names(a="2", b="1")) == [], "another definition is no other name"


def test_the_same_tool_by_another_alias_is_told_by_its_own_name() -> None:
    before = {"up_a_b": ListedName("a.b", "1")}
    assert lost(before, {"up_a_b_12345678": ListedName("a.b", "1")}) == [Gone("up_a_b", "a.b", "")]


@given(st.dictionaries(st.text(max_size=2), st.text(max_size=1)), st.dictionaries(st.text(max_size=2), st.text(max_size=1)))
def test_every_name_is_there_or_told(before: dict[str, str], now: dict[str, str]) -> None:
    found = lost(names(**before), names(**now))
    assert {each.own for each in found} == before.keys() - now.keys()
    for each in found:
        assert not each.now or (each.now in now.keys() - before.keys() and now[each.now] == before[each.own])
    assert lost(names(**now), names(**now)) == []


def test_a_digest_does_not_look_at_the_name_and_at_everything_else() -> None:
    one = digest_of(b'{"name":"a","inputSchema":{"type":"object"},"x":1.50}')
    assert one == digest_of(b'{ "x" : 1.50, "inputSchema":{"type":"object"},"name":"b"}')
    assert one != digest_of(b'{"name":"a","inputSchema":{"type":"object"},"x":1.5}')
    assert one != digest_of(b'{"name":"a","inputSchema":{"type":"object"}}')

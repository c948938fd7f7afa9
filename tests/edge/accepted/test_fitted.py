"""Names that clients accept, for names that they don't: deterministic, distinct, whatever the order."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from edge.accepted.fitted import fits_property, fits_tool, fitted_properties, fitted_tools

TOOL = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NAMES = st.lists(st.text(alphabet="ab_.-/ é", max_size=70), unique=True, max_size=30)


def test_what_fits_keeps_its_name() -> None:
    assert fitted_tools(["a", "B-9_", "x" * 64]) == {}
    assert fitted_properties(["a.b", "-", "x" * 64]) == {}


def test_bad_characters_become_underscores() -> None:
    assert fitted_tools(["my.tool", "a/b c"]) == {"my.tool": "my_tool", "a/b c": "a_b_c"}
    assert fitted_properties(["user name", "größe", ""]) == {"user name": "user_name", "größe": "gr__e", "": "_"}


def test_a_name_that_is_too_long_is_shortened_and_told_from_others_by_a_digest() -> None:
    one, other = "x" * 64 + "1", "x" * 64 + "2"
    found = fitted_tools([one, other])
    assert all(re.fullmatch("x{55}_[0-9a-f]{8}", alias) for alias in found.values())
    assert found[one] != found[other]
    assert fitted_tools([one]) == {one: found[one]}


def test_who_has_a_name_that_fits_keeps_it_and_the_other_gets_a_digest() -> None:
    found = fitted_tools(["my_tool", "my.tool"])
    assert list(found) == ["my.tool"]
    assert re.fullmatch("my_tool_[0-9a-f]{8}", found["my.tool"])


def test_of_two_that_would_get_the_same_name_neither_has_it() -> None:
    found = fitted_tools(["a.b", "a/b"])
    assert len(set(found.values())) == 2
    assert all(re.fullmatch("a_b_[0-9a-f]{8}", alias) for alias in found.values())


def test_a_name_that_is_taken_is_not_given_even_if_it_fits() -> None:
    found = fitted_tools(["wait", "w.ait"], taken=lambda name: name in ("wait", "w_ait"))
    assert re.fullmatch("wait_[0-9a-f]{8}", found["wait"])
    assert re.fullmatch("w_ait_[0-9a-f]{8}", found["w.ait"])


def test_a_digest_that_is_a_name_already_is_made_longer() -> None:
    (alias,) = fitted_tools(["x" * 70]).values()
    found = fitted_tools(["x" * 70, alias])
    assert re.fullmatch("x{47}_[0-9a-f]{16}", found["x" * 70])


def test_the_digest_is_of_the_whole_name() -> None:
    assert fitted_tools(["x" * 70], whole=lambda name: "a" + name) != fitted_tools(["x" * 70])


@given(NAMES, st.randoms())
def test_all_names_fit_and_are_distinct_in_whatever_order_they_come(names: list[str], order: random.Random) -> None:
    for fitted, fits in ((fitted_tools, fits_tool), (fitted_properties, fits_property)):
        found = fitted(names)
        listed = [found.get(name, name) for name in names]
        assert all(map(fits, listed))
        assert len(set(listed)) == len(names)
        assert found.keys() == {name for name in names if not fits(name)}
        mixed = list(names)
        order.shuffle(mixed)
        assert fitted(mixed) == found


@given(st.text(max_size=80))
def test_what_fits_is_what_openai_and_anthropic_take(name: str) -> None:
    assert fits_tool(name) == (TOOL.fullmatch(name) is not None)
    assert fits_property(name) == (re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name) is not None)

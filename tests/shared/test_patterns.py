"""Patterns: what each is of, held against a plain reading of the same glob, and never slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages import CallClass
from shared.patterns import CLASS_PATTERNS, NAME_CHARS_MAX, Patterns, literal_start


def fits(pattern: str, name: str, access: CallClass = "write") -> bool:
    return Patterns([pattern]).match(name, access)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("up_echo", "up_echo", True),
        ("up_echo", "up_echo2", False),
        ("up_echo", "Up_echo", False),
        ("up_echo", "up_ech", False),
        ("*", "up_echo", True),
        ("**", "up_echo", True),
        ("***", "up_echo", True),
        ("*", "", True),
        ("up_*", "up_", True),
        ("up_*", "up_a/b.c-d e\nf", True),
        ("up_*", "up", False),
        ("up_*", "xup_a", False),
        ("up_**", "up_echo", True),
        ("*_echo", "up_echo", True),
        ("*_echo", "up_echo_", False),
        ("*_e*", "up_echo", True),
        ("*echo*", "echo", True),
        ("u?_echo", "up_echo", True),
        ("u?_echo", "u_echo", False),
        ("u?_echo", "upp_echo", False),
        ("?*", "", False),
        ("?*?", "ab", True),
        ("?*?", "a", False),
        ("a*ab", "aab", True),
        ("a*ab", "ab", False),
        ("a*b*a", "aba", True),
        ("a*b*b", "ab", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("up_[ab]", "up_a", False),
        ("up_[ab]", "up_[ab]", True),
        ("up_a.c*", "up_abc", False),
        ("up_(a|b)*", "up_a", False),
        ("up_\\*", "up_\\x", True),
        ("up_ü*", "up_üx", True),
    ],
)
def test_a_glob_is_held_against_the_whole_name_in_its_case(pattern: str, name: str, expected: bool) -> None:
    assert fits(pattern, name) is expected


@pytest.mark.parametrize("access", ["read", "idempotent", "write"])
@pytest.mark.parametrize("pattern", CLASS_PATTERNS)
def test_a_class_stands_for_all_of_that_class_and_no_other(pattern: str, access: CallClass) -> None:
    assert fits(pattern, "up_echo", access) is (pattern == f"access:{access}")


def test_a_name_that_looks_like_a_class_is_none() -> None:
    assert not fits("access:read", "access:read")


def plainly(pattern: str, name: str) -> bool:
    """The same by the textbook's recursion."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return plainly(pattern[1:], name) or (bool(name) and plainly(pattern, name[1:]))
    return bool(name) and pattern[0] in ("?", name[0]) and plainly(pattern[1:], name[1:])


@given(st.text("ab?*", max_size=8), st.text("abc", max_size=8))
def test_a_glob_means_what_it_means_to_a_plain_reader(pattern: str, name: str) -> None:
    assert fits(pattern, name) is plainly(pattern, name)


@given(st.lists(st.text("ab?*", min_size=1, max_size=6), max_size=5), st.text("ab", max_size=6))
def test_several_patterns_are_of_what_one_of_them_is_of(patterns: list[str], name: str) -> None:
    assert Patterns(patterns).match(name, "read") is any(plainly(pattern, name) for pattern in patterns)


@pytest.mark.parametrize(
    "pattern",
    ["a*" * 100 + "b", "*a?" * 100 + "b", "*" + "a" * 200 + "*b", "?*" * 200 + "b", "*aab" * 60 + "*c", "*?a" * 100],
)
def test_no_pattern_makes_a_name_take_long(pattern: str) -> None:
    """Were a piece ever tried again, these would not end in anybody's lifetime."""
    for name in ("a" * NAME_CHARS_MAX, "ab" * (NAME_CHARS_MAX // 2), "aab" * (NAME_CHARS_MAX // 3)):
        Patterns([pattern]).match(name, "read")


def test_a_name_that_is_too_long_is_of_no_pattern() -> None:
    assert fits("**", "a" * NAME_CHARS_MAX)
    for pattern in ("**", "a*", "*a", "access:write"):
        assert not fits(pattern, "a" * (NAME_CHARS_MAX + 1))


@given(st.text("ab?*_", max_size=8))
def test_what_a_pattern_begins_with_has_no_wildcard_and_is_as_long_as_can_be(pattern: str) -> None:
    start = literal_start(pattern)
    assert pattern.startswith(start)
    assert not re.search(r"[*?]", start)
    assert start == pattern or pattern[len(start)] in "*?"

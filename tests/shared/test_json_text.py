"""The checks of JSON text agree with a slow reader that looks at every pair and every level."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.json_text import depth_exceeds, repeats_a_name

NAMES = st.sampled_from(["a", "b", "", ":", '"', '":{', "\\", "[", "ä", "\n", "\x7f", "a" * 40])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([1.5, -2e30]) | NAMES
SPACES = st.sampled_from(["", " ", "\n", "\t\r\n "])


@st.composite
def texts(draw: st.DrawFn, depth: int = 4) -> str:
    """JSON text that says of itself what a decoded value no longer knows: names twice, escapes, white space."""
    space = draw(SPACES)
    kind = draw(st.sampled_from(["scalar", "list", "object"])) if depth else "scalar"
    if kind == "scalar":
        return space + written(draw(SCALARS), draw(st.booleans())) + space
    if kind == "list":
        return "[" + space + ",".join(draw(st.lists(texts(depth - 1), max_size=3))) + "]"
    members = [
        f"{space}{written(draw(NAMES), draw(st.booleans()))}{space}:{draw(texts(depth - 1))}"
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + space + ",".join(members) + "}" + space


def written(value: Any, escaped: bool) -> str:
    """A scalar as JSON; with `escaped`, each character of a string as its \\u escape."""
    if isinstance(value, str) and escaped:
        return '"' + "".join(f"\\u{ord(character):04x}" for character in value) + '"'
    return json.dumps(value, ensure_ascii=False)


def slowly_repeats(text: str) -> bool:
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return repeated


def slow_depth(text: str) -> int:
    deepest = 0

    def measure(value: Any, depth: int) -> None:
        nonlocal deepest
        if isinstance(value, list):
            deepest = max(deepest, depth + 1)
            for item in value:
                measure(item, depth + 1)

    # Objects become lists of their values, repeated names and all: nothing of the text is lost.
    measure(json.loads(text, object_pairs_hook=lambda pairs: [value for _, value in pairs]), 0)
    return deepest


@given(texts())
def test_a_name_is_found_twice_exactly_where_a_slow_reader_finds_it(text: str) -> None:
    raw = text.encode()
    assert repeats_a_name(raw, msgspec.json.decode(raw)) == slowly_repeats(text)


@given(texts(), st.integers(0, 6))
def test_depth_is_what_a_slow_reader_measures(text: str, limit: int) -> None:
    assert depth_exceeds(text.encode(), limit) == (slow_depth(text) > limit)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":{"b":1},"a":{"b":1}}',
        b'[{"x":[{"y":1,"y":1}]}]',
        b'{"":1,"":1}',
        b'{"a":":","a":1,"b":"\\u003a"}',
        b'{"a":[],"a":{"b":0,"c":0}}',
    ],
)
def test_a_name_that_stands_twice_is_seen(text: bytes) -> None:
    assert repeats_a_name(text, msgspec.json.decode(text))


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"0",
        b'"a:b"',
        b'{"a":1,"A":2}',
        b'{"a":{"a":{"a":1}}}',
        b'[{"a":1},{"a":1}]',
        b'{"a":"\\"a\\":1"}',
        b'{"\\\\":":","\\"":":::"}',
        '{"\u00e9":1,"e\u0301":2}'.encode(),
    ],
)
def test_names_that_only_look_alike_are_let_pass(text: bytes) -> None:
    assert not repeats_a_name(text, msgspec.json.decode(text))


@pytest.mark.parametrize(("deep", "exceeds"), [(63, False), (64, False), (65, True), (200_000, True)])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"]":', b"}]")])
def test_the_limit_is_the_last_depth_that_passes(deep: int, exceeds: bool, opening: bytes, closing: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    times = deep // levels + deep % levels
    text = opening * times + b"1" + closing * times
    assert depth_exceeds(text, 64) == (times * levels > 64)
    if levels == 1:
        assert depth_exceeds(text, 64) == exceeds


def test_brackets_inside_strings_are_no_depth() -> None:
    assert not depth_exceeds(json.dumps({"a": "[" * 500, '{"[': "\\" + '"[' * 500}).encode(), 2)


def test_many_flat_values_are_not_deep() -> None:
    assert not depth_exceeds(b"[" + b"[]," * 200_000 + b"[]]", 2)
    assert depth_exceeds(b"[" + b"[]," * 200_000 + b"[[]]]", 2)

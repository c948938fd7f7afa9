"""A result is taken apart into what a model sees, and what it says twice counts once."""

import json
from typing import Any

import pytest
from hypothesis import given

from edge.paging.pieces import STRUCTURED_META, take_apart
from tests.edge.paging.results import CONTENTS, body, seen, text, written


def texts(content: list[Any], structured: Any) -> list[Any] | None:
    """What is given of a result with text and structured content: None where the text says it all."""
    parts = take_apart(body(content, structuredContent=structured))
    assert parts is not None
    more = written([piece.part(0, len(piece.text)) for piece in parts.pieces[len(content) :]])
    assert parts.said_twice == (not more)
    assert parts.as_it_is == seen(content) + len(json.dumps(structured, ensure_ascii=False))
    return more or None


DICT = {"city": "Köln", "n": 1.5, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("said", "structured"),
    [
        ([json.dumps(DICT)], DICT),
        ([json.dumps(DICT, ensure_ascii=False, indent=2)], DICT),
        ([json.dumps(dict(reversed(DICT.items())))], DICT),
        ([" \n" + json.dumps(DICT) + "\n"], DICT),
        (["hello"], {"result": "hello"}),
        (["17"], {"result": 17}),
        (["[1,2]"], {"result": [1, 2]}),
        (["one", '{"b": 2}', "3"], {"result": ["one", {"b": 2}, 3]}),
        (["{}"], {}),
        (["null"], {"result": None}),
    ],
)
def test_text_that_is_the_json_of_the_structured_content_says_it(said: list[str], structured: Any) -> None:
    assert texts([text(one) for one in said], structured) is None


@pytest.mark.parametrize(
    ("said", "structured"),
    [
        ([], DICT),
        (["a summary"], DICT),
        ([json.dumps(DICT | {"n": 2})], DICT),
        ([json.dumps({"a": 1})], {"a": True}),
        ([json.dumps({"a": 1})], {"a": 1.0}),
        ([json.dumps(DICT), "more"], DICT),
        (["hello"], {"result": "hello", "more": 1}),
        (["a", "b"], {"result": ["a", "b", "c"]}),
        (["a", "b"], {"result": "ab"}),
        (['"hello"'], {"result": "hello"}),
        (["[" * 100_000], {"result": ["x"]}),
    ],
)
def test_any_other_structured_content_is_given_as_text_behind_the_rest(said: list[str], structured: Any) -> None:
    more = texts([text(one) for one in said], structured)
    assert more is not None
    (block,) = more
    assert json.loads(block["text"]) == structured
    assert block["_meta"] == {STRUCTURED_META: True}


def test_a_picture_does_not_say_structured_content() -> None:
    picture = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
    assert texts([text(json.dumps(DICT)), picture], DICT) is not None


def test_numbers_and_members_that_nobody_knows_stay_as_they_are_written() -> None:
    block = b'{"type":"text","n":1.10,"text":"abcdef","big":123456789012345678901234567890}'
    parts = take_apart(b'{"content":[' + block + b'],"x":1.50,"_meta":{"y":[1e2]}}')
    assert parts is not None
    assert {name: bytes(value) for name, value in parts.rest.items()} == {"x": b"1.50", "_meta": b'{"y":[1e2]}'}
    (piece,) = parts.pieces
    assert bytes(piece.part(0, 6)) == block
    assert {name: bytes(v) for name, v in piece.part(1, 3).items() if name in ("n", "big")} == {
        "n": b"1.10", "big": b"123456789012345678901234567890"
    }  # fmt: skip
    assert piece.part(1, 3)["text"] == "bc"


@pytest.mark.parametrize(
    "block",
    [
        b"1",
        b"null",
        b'{"type":7}',
        b'{"text":"no type"}',
        b'{"type":"text","text":7}',
        b'{"type":"text"}',
        b'{"type":"resource"}',
        b'{"type":"resource","resource":[]}',
        b'{"type":"resource","resource":{"uri":"x","text":null}}',
    ],
)
def test_a_block_that_is_not_what_it_should_be_stays_whole(block: bytes) -> None:
    parts = take_apart(b'{"content":[' + block + b"]}")
    assert parts is not None
    (piece,) = parts.pieces
    assert (piece.kind, bytes(piece.part(0, 0))) == ("whole", block)
    assert 0 < piece.chars <= len(block)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resultType":"input_required","content":[]}',
        b'{"resultType":"task","taskId":"1"}',
        b'{"resultType":7,"content":[]}',
        b'{"content":"text"}',
        b'{"content":{"type":"text"}}',
    ],
)
def test_what_is_no_result_for_a_model_is_not_taken_apart(raw: bytes) -> None:
    assert take_apart(raw) is None


def test_a_result_without_content_or_with_an_empty_one_has_no_parts() -> None:
    for raw in (b"{}", b'{"content":[]}', b'{"structuredContent":null}'):
        parts = take_apart(raw)
        assert parts is not None
        assert (list(parts.pieces), parts.as_it_is) == ([], 0)


@given(CONTENTS)
def test_what_a_model_sees_of_any_content_is_counted_and_base64_is_not(content: list[Any]) -> None:
    parts = take_apart(body(content))
    assert parts is not None
    assert written([piece.part(0, len(piece.text)) for piece in parts.pieces]) == content
    # JSON of a whole block counts its numbers as they were written.
    assert abs(parts.chars - seen(content)) <= len(content)
    assert parts.as_it_is == parts.chars

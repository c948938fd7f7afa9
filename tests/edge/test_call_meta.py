"""Which call a result is of, inside of results that stay what they are."""

import msgspec
import pytest

from edge.call_meta import CALL_META, with_call

FACTS = {"callId": "c", "attached": False}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' { "content" : [] , "isError":false}',
        b'{"_meta":{"a":1},"content":[]}',
        b'{"content":[{"type":"text","text":"\\"_meta\\""}]}',
        b'{"content":[{"type":"text","text":"x","_meta":{"of":"the block"}}]}',
        b'{"big":123456789012345678901234567890.10,"_meta":{}}',
    ],
)
def test_the_facts_are_added_and_nothing_else_changes(body: bytes) -> None:
    before, after = msgspec.json.decode(body), msgspec.json.decode(with_call(body, FACTS))
    assert after["_meta"].pop(CALL_META) == FACTS
    if not after["_meta"] and "_meta" not in before:
        del after["_meta"]
    assert after == before


def test_numbers_stay_the_digits_that_they_are_beside_another_meta() -> None:
    assert b"123456789012345678901234567890.10" in with_call(b'{"n":123456789012345678901234567890.10,"_meta":{}}', FACTS)


def test_what_a_backend_says_under_our_name_is_not_believed() -> None:
    lie = msgspec.json.encode({"_meta": {CALL_META: {"callId": "another"}}})
    assert msgspec.json.decode(with_call(lie, FACTS)) == {"_meta": {CALL_META: FACTS}}


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        with_call(b'["_meta"]', FACTS)
    with pytest.raises(msgspec.DecodeError):
        with_call(b"[]", FACTS)

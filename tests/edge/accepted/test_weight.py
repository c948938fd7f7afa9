"""How large a definition is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.accepted.limits import USUAL, Limits
from edge.accepted.weight import excess, tokens

REAL = {
    # text: how many tokens it has for o200k_base or cl100k_base (the larger number), counted with these tokenizers.
    "Get the result of a call that is still running.": 11,
    '{"type":"object","properties":{"customer_account_identifier":{"type":"string"}}}': 16,
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301": 27,
    "Gibt die Zustände aller Geräte zurück, für die der Benutzer zuständig ist.": 22,
    "すべてのデバイスの状態を返します。": 20,
    "Возвращает состояние всех устройств.": 11,
    "🎉🔥": 6,
}


def definition(description: str = "", **schema: Any) -> dict[str, Any]:
    return {"description": description, "inputSchema": {"type": "object", **schema}}


@pytest.mark.parametrize("text", REAL)
def test_the_estimate_is_on_the_high_side(text: str) -> None:
    assert REAL[text] <= tokens(text.encode()) <= 3 * REAL[text]


@given(st.text())
def test_no_text_has_more_tokens_than_bytes_or_none_at_all(text: str) -> None:
    encoded = text.encode("utf-8", "ignore")
    assert (1 if encoded else 0) <= tokens(encoded) <= len(encoded)


def test_the_schema_may_have_so_many_bytes_and_no_more() -> None:
    limits = Limits(definition_tokens_max=100_000, schema_bytes_max=1_000, description_chars_max=100)
    room = 1_000 - len('{"type":"object","title":""}')
    assert excess(definition(title="é" * (room // 2)), limits) == ""
    assert "1002 bytes, more than 1000" in excess(definition(title="é" * (room // 2 + 1)), limits)


def test_name_description_and_schema_together_stay_below_so_many_tokens() -> None:
    words = "word " * 4_000
    assert "tokens" in excess(definition(words, title=words[:9_000]), USUAL)
    assert excess(definition(words[:9_000]), USUAL) == ""
    assert excess(definition("x" * 4_800), USUAL) == "", "a token has a byte at least"
    assert "bytes" in excess(definition("x" * 100_000), USUAL)

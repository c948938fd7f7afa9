"""The two names that OpenAI's clients have their own idea of."""

from typing import Any

import pytest

from edge.accepted.search_fetch import claims_contract

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def schema(required: Any = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("name", "arguments", "claims"),
    [
        ("search", schema(["query"], query=TEXT), False),
        ("search", {"type": "object", "properties": {"query": TEXT}}, False),
        ("search", schema(["query"], query=TEXT, limit=NUMBER), False),
        ("fetch", schema(["id"], id=TEXT), False),
        ("search", schema(["query", "limit"], query=TEXT, limit=NUMBER), True),
        ("search", schema(["q"], q=TEXT), True),
        ("search", schema(query=NUMBER), True),
        ("search", schema(query=True), True),
        ("search", {"type": "object"}, True),
        ("search", {"type": "object", "properties": {"query": TEXT}, "required": "query"}, True),
        ("fetch", schema(["query"], query=TEXT), True),
        ("fetch", schema(["id"], id={"type": "array", "items": TEXT}), True),
        ("search_all", schema(), False),
        ("Search", schema(), False),
    ],
)
def test_a_tool_of_that_name_must_understand_what_such_a_client_sends(
    name: str, arguments: dict[str, Any], claims: bool
) -> None:
    assert claims_contract(name, arguments) is claims

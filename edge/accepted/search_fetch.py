"""`search` and `fetch`: at these names OpenAI's clients expect tools of a contract of their own (deep research, company
knowledge): `search({query})` and `fetch({id})`, each with one string."""

from typing import Any

_ARGUMENT = {"search": "query", "fetch": "id"}
OPENAI = ("openai-mcp",)
"""How OpenAI's clients call themselves."""


def claims_contract(name: str, schema: dict[str, Any]) -> bool:
    """Whether a tool has one of these names and would not understand what such a client sends."""
    argument = _ARGUMENT.get(name)
    if argument is None:
        return False
    properties, required = schema.get("properties"), schema.get("required", [])
    described = properties.get(argument) if isinstance(properties, dict) else None
    if not isinstance(described, dict) or described.get("type") != "string" or not isinstance(required, list):
        return True
    return any(needed != argument for needed in required)

"""How many characters each client takes, as the operator writes it."""

import pytest

from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.result_budgets import parse_result_budgets

NAME = "TOOLMESH_RESULT_CHARS_MAX"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("openai-mcp", "as openai-mcp=30000"),
        ("openai-mcp=", "as openai-mcp=30000"),
        ("=30000", "as openai-mcp=30000"),
        ("openai-mcp=30k", "as openai-mcp=30000"),
        ("openai-mcp=-1", "as openai-mcp=30000"),
        ("openai-mcp=3e4", "as openai-mcp=30000"),
        ("openai-mcp=" + "9" * 13, "as openai-mcp=30000"),
        ("openai-mcp=1999", "at least 2000, or 0 for no limit"),
        ("openai-mcp=30000,OpenAI-MCP=20000", "names 'openai-mcp' twice"),
    ],
)
def test_what_says_no_number_of_characters_stops_the_start(value: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({NAME: value})
    (problem,) = problems_of(caught.value)
    assert problem.startswith(NAME)
    assert expected in problem


def test_names_are_compared_in_lower_case_and_space_around_them_does_not_count() -> None:
    entries = load_settings({NAME: "OpenAI-MCP = 2000, my client=0"}).result_chars_max
    assert parse_result_budgets(NAME, entries) == {"openai-mcp": 2_000, "my client": 0}

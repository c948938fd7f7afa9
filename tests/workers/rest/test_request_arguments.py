"""Arguments of requests that no edge has looked at: what is missing, unknown or of another type is named."""

from pathlib import Path
from typing import Any

import pytest

from tests.workers.rest.planned import planned, tool_of
from workers.backends.rest.failed import Failed

DECLARED = (
    *("name: {type: string, in: query, required: true}", "count: {type: integer, in: query}"),
    *("ratio: {type: number, in: query}", "deep: {type: boolean, in: query}", "tags: {type: array, in: body}"),
    *("about: {type: object, in: body, required: true}", "n: {type: integer, in: body}"),
)
FINE: dict[str, Any] = {"name": "a", "about": {}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (FINE | {"cuont": 1}, "There is no parameter `cuont`. Did you mean `count`?"),
        (
            FINE | {"zzz": 1},
            "There is no parameter `zzz`. There are `name`, `count`, `ratio`, `deep`, `tags`, `about`, `n`.",
        ),
        ({"about": {}}, "The required parameter `name` is missing. Give it."),
        ({"name": "a", "about": None}, "The required parameter `about` is missing. null stands for nothing. Give it."),
        ({"name": None, "about": {}}, "The required parameter `name` is missing. null stands for nothing. Give it."),
        (FINE | {"name": 7}, "The parameter `name` must be of type string, not integer."),
        (FINE | {"count": 1.5}, "The parameter `count` must be of type integer, not number."),
        (FINE | {"count": True}, "The parameter `count` must be of type integer, not boolean."),
        (FINE | {"ratio": "1"}, "The parameter `ratio` must be of type number, not string."),
        (FINE | {"deep": "true"}, "The parameter `deep` must be of type boolean, not string."),
        (FINE | {"tags": {}}, "The parameter `tags` must be of type array, not object."),
        (FINE | {"about": []}, "The parameter `about` must be of type object, not array."),
    ],
)
def test_an_argument_that_is_wrong_is_named(tmp_path: Path, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(Failed) as refused:
        planned(tmp_path, tool_of("POST", "/x", *DECLARED)).build(arguments)
    assert refused.value.text == f"[invalid_input] {told}"
    assert not refused.value.retryable


def test_a_tool_without_parameters_says_that_it_has_none(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"There is no parameter `a`\. The tool takes no arguments\."):
        planned(tmp_path, tool_of("GET", "/x")).build({"a": 1})


@pytest.mark.parametrize("count", [3, 3.0, None])
def test_what_fits_is_taken(tmp_path: Path, count: Any) -> None:
    plan = planned(tmp_path, tool_of("POST", "/x", *DECLARED))
    request = plan.build(FINE | {"count": count, "n": None, "ratio": 1, "tags": None})
    assert request.body == b'{"tags":null,"about":{},"n":null}'
    assert request.url.raw_query_string == ("name=a&ratio=1" if count is None else "name=a&count=3&ratio=1")


def test_the_query_parameter_of_the_credential_is_none_of_the_tool(tmp_path: Path) -> None:
    block = tool_of("GET", "/x", "key: {type: string, in: query}", "q: {type: string, in: query}")
    with pytest.raises(Failed, match="There is no parameter `key`"):
        planned(tmp_path, block, secret_query={"key"}).build({"key": "a"})
    assert planned(tmp_path, block, secret_query={"key"}).build({"q": "a"}).url.raw_query_string == "q=a"

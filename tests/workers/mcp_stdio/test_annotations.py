"""Classes out of a stdio server's own annotations, where the operator trusts them."""

import pytest

from tests.upstreams.started import run
from tests.upstreams.stdio_started import EVERYTHING, calling


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ({}, {"add": "write", "structured": "idempotent", "fail": "write"}),
        ({"annotations": "trust"}, {"add": "read", "structured": "idempotent", "fail": "write"}),
    ],
)
def test_they_count_only_where_the_entry_says_so(trust: dict[str, str], expected: dict[str, str]) -> None:
    async def test() -> None:
        entry = {"include_tools": list(expected), "class": {"structured": "idempotent"}, **trust}
        async with calling(script=EVERYTHING, **entry) as caller:
            assert {tool.name: tool.access for tool in (await caller.offer()).tools} == expected

    run(test)

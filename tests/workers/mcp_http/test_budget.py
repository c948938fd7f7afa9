"""How many bytes of a stream are read."""

import asyncio

import pytest

from shared.errors import UpstreamTooLarge
from workers.backends.mcp_http.budget import Budget


@pytest.mark.parametrize("endless", [False, True])
def test_more_than_the_limit_is_refused(endless: bool) -> None:
    async def test() -> None:
        budget = Budget(100, endless=endless)
        budget.spend(60)
        budget.spend(40)
        with pytest.raises(UpstreamTooLarge, match="100 bytes"):
            budget.spend(1)

    asyncio.run(test())


def test_what_was_an_answer_does_not_count_and_earns_nothing() -> None:
    async def test() -> None:
        budget = Budget(100, endless=True)
        for _ in range(50):
            budget.spend(90)
            budget.give_back(95)
        with pytest.raises(UpstreamTooLarge):
            budget.spend(101)

    asyncio.run(test())

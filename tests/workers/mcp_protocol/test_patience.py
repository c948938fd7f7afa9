"""While a client thinks, its upstream's time does not run; the call's own time does."""

import asyncio

import pytest

from workers.backends.mcp_protocol.patience import Patience


def run(timeout_s: float, deadline_s: float, questions_s: list[float], then_s: float) -> str:
    """What becomes of an upstream that asks questions of that length at once, and then takes so long itself."""

    async def main() -> str:
        patience = Patience(timeout_s, asyncio.get_running_loop().time() + deadline_s)

        async def ask(method: str, params: bytes) -> bytes:
            await asyncio.sleep(float(params))
            return b"answered"

        asked = patience.around(ask)
        try:
            async with patience:
                answers = await asyncio.gather(*(asked("roots/list", b"%f" % length) for length in questions_s))
                assert set(answers) <= {b"answered"}
                await asyncio.sleep(then_s)
        except TimeoutError:
            return "late"
        return "in time"

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("timeout_s", "deadline_s", "questions_s", "then_s", "outcome"),
    [
        (0.3, 60, [0.5], 0, "in time"),
        (0.3, 60, [0.4, 0.5], 0, "in time"),
        (0.3, 60, [0.5], 30, "late"),
        (0.3, 60, [], 30, "late"),
        (60, 0.3, [30], 0, "late"),
        (60, 0.3, [0.01], 30, "late"),
    ],
)
def test_only_the_upstreams_own_time_counts(
    timeout_s: float, deadline_s: float, questions_s: list[float], then_s: float, outcome: str
) -> None:
    assert run(timeout_s, deadline_s, questions_s, then_s) == outcome

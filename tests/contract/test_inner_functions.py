"""The list of requests of running calls, and how many calls a parent may make, in the broker's functions."""

from shared import keys
from shared.functions import fcall
from tests.contract.hop import open_line, run
from tests.mesh import Broker

PARENT = keys.inner_calls("p1")
OVER = keys.final(keys.job_id("code", "p1"))


def test_a_list_takes_as_many_requests_as_may_wait_and_forgets_them(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            asked = [await fcall(line, "ask", (keys.INNER,), f"request {n}", 2, 60_000) for n in range(3)]
            assert asked == [1, 1, 0]
            assert await line.cmd("LRANGE", keys.INNER, 0, -1) == [b"request 0", b"request 1"]
            assert 0 < await line.cmd("PTTL", keys.INNER) <= 60_000

    run(main)


def test_a_parent_makes_as_many_calls_as_it_may_and_the_same_one_as_often_as_it_likes(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:

            async def count(call: str, ordinal: int) -> int:
                return int(await fcall(line, "count", (PARENT, OVER), call, ordinal, 3, 2, 60_000))

            assert [await count(f"c{n}", n) for n in (1, 2, 3, 4)] == [1, 1, 1, 0]
            assert [await count("c2", 2), await count("c3", 3)] == [2, 2]
            assert 0 < await line.cmd("PTTL", PARENT) <= 60_000
            await line.cmd("SET", OVER, "end")
            assert await count("c2", 2) == -1, "of one that is over nothing more is wanted"

    run(main)


def test_a_parent_that_is_run_again_may_ask_for_something_else_as_often_as_it_may_be_run(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:

            async def count(call: str, ordinal: int) -> int:
                return int(await fcall(line, "count", (PARENT, OVER), call, ordinal, 2, 2, 60_000))

            first = [await count("a1", 1), await count("a2", 2)]
            second = [await count("b1", 1), await count("b2", 2)]
            third = [await count("c1", 1), await count("c2", 2)]
            assert (first, second, third) == ([1, 1], [1, 1], [0, 0])

    run(main)

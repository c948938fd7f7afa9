"""Scripts that want to hang or to fill what runs them end with an error, and nobody else is touched."""

import asyncio

from tests.workers.children.bombs import BOMBS
from tests.workers.children.house_of_scripts import House, echo
from workers.children.scripts import Answered, Asked, Ran

BUDGET_S = 0.5
AT_A_TIME = 4
ENDS = {
    "sandbox_timeout",
    "sandbox_memory",
    "script_deadlock",
    "script_endless",
    "script_error",
    "script_out_of_memory",
    "script_result_not_json",
    "script_result_too_large",
    "script_syntax",
}


async def slow(asked: Asked) -> Answered:
    if asked.name == "slow":
        await asyncio.Event().wait()
    return await echo(asked)


def test_every_bomb_ends_with_an_error_of_its_own_while_other_scripts_run(house: House) -> None:
    """Each is tried with a budget of half a second; a crash of its child would show as `sandbox_crashed`."""
    ends: dict[str, Ran] = {}
    over = asyncio.Event()

    async def explode(name: str, code: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            ends[name] = await house.run(code, slow, tenant=name, wall_s=BUDGET_S)

    async def go_on() -> int:
        runs = 0
        while not over.is_set():
            ran = await house.run("return [(await toolmesh.x({n: 1})).given.n, typeof left]", tenant="grace")
            assert ran.error is None, ran.error
            assert ran.value == b'[1,"undefined"]'
            runs += 1
        return runs

    async def test() -> None:
        slots = asyncio.Semaphore(AT_A_TIME)
        beside = asyncio.create_task(go_on())
        await asyncio.gather(*(explode(name, code, slots) for name, code in BOMBS.items()))
        over.set()
        assert await beside > len(BOMBS)

    house.wait(test())
    assert {name: ran.error.code if ran.error else ran.value for name, ran in ends.items() if not _ended(ran)} == {}
    timed_out = [name for name, ran in ends.items() if ran.error and ran.error.code == "sandbox_timeout"]
    assert {"loop", "search in a long string", "fill", "awaiting loop beside a call"} <= set(timed_out)


def _ended(ran: Ran) -> bool:
    return ran.error is not None and ran.error.code in ENDS and ran.value is None


def test_a_loop_of_promises_ends_by_itself_where_there_is_time(house: House) -> None:
    error = house.error("(async () => { for (;;) await 0 })(); return 1", steps_max=50_000)
    assert (error.code, "a loop has no end" in error.message) == ("script_endless", True)


def test_what_takes_all_memory_is_told_so_and_its_child_goes_on(house: House) -> None:
    error = house.error("const a = []; for (;;) a.push(new Array(1000).fill(7))", heap_bytes=8 * 1024 * 1024)
    assert error.code == "script_out_of_memory"
    held = "globalThis.kept = []; try { for (;;) kept.push('x'.repeat(1000)) } catch {} await 0; return kept.length"
    assert house.error(held, heap_bytes=8 * 1024 * 1024).code == "script_out_of_memory"
    assert house.value("return typeof kept") == "undefined"


def test_nothing_is_carried_over_from_one_run_to_the_next(house: House) -> None:
    left = """
        globalThis.left = 1; Object.prototype.left = 2; Array.prototype.map = () => "mine"; JSON.parse = () => "mine";
        Promise.prototype.then = null; Math.max = () => 7; Object.freeze(Map.prototype);
        console.log("left"); toolmesh.x({}); return 1;
    """
    fresh = """
        const seen = [typeof left, typeof {}.left, [1].map((x) => x), JSON.parse("2"), Math.max(1, 2)];
        return [...seen, (await toolmesh.x()).name];
    """

    async def test() -> None:
        for _ in range(3):
            assert (await house.run(left)).error is None
            ran = await house.run(fresh)
            assert (ran.value, ran.logs) == (b'["undefined","undefined",[1],2,2,"x"]', ())

    house.wait(test())

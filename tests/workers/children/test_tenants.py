"""No tenant meets another one's state, or waits for another one's runs longer than is fair."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from shared.errors import SandboxBusy, SandboxUnavailable
from tests.workers.children.payloads import LOOP, lives, pid_of, pool_of, run, tell, told
from workers.children.pool import Pool


def test_a_child_is_used_again_by_its_tenant_and_by_no_other() -> None:
    async def check() -> None:
        async with pool_of(children_spare=2) as pool:
            await tell(pool, "state['secret'] = 'of ada'", tenant="ada")
            assert await tell(pool, "found = state", tenant="ada") == {"secret": "of ada"}, "warm"
            for tenant in ("bob", "eve", "ada ", ""):
                assert await tell(pool, "found = state", tenant=tenant) == {}
            assert await pid_of(pool, "ada") != await pid_of(pool, "bob")

    run(check)


def test_a_child_is_replaced_after_its_runs() -> None:
    async def check() -> None:
        async with pool_of(child_runs_max=3, children_spare=1) as pool:
            pids = [await pid_of(pool) for _ in range(6)]
            assert len(set(pids)) == 2
            assert pids[:3] == [pids[0]] * 3

    run(check)


def test_a_child_that_waits_for_its_tenant_makes_room_for_others() -> None:
    async def check() -> None:
        async with pool_of(children_max=2, children_spare=0) as pool:
            pids = [await pid_of(pool, tenant) for tenant in ("ada", "bob", "eve", "joe")]
            assert len(set(pids)) == 4
            assert sum(map(lives, pids)) <= 2

    run(check)


def test_a_child_whose_tenant_does_not_come_again_is_ended() -> None:
    async def check() -> None:
        async with pool_of(children_idle_s=0.05, children_poll_s=0.02, children_spare=0) as pool:
            pid = await pid_of(pool)
            async with asyncio.timeout(10):
                while lives(pid):
                    await asyncio.sleep(0.01)

    run(check)


async def hold(pool: Pool, stack: AsyncExitStack, tenant: str, number: int) -> None:
    for _ in range(number):
        await stack.enter_async_context(pool.child("payload", tenant, 60.0))


def test_a_tenant_has_its_share_and_another_one_finds_room_beside_it() -> None:
    async def check() -> None:
        async with pool_of(children_max=4, children_tenant_max=2, children_spare=0) as pool, AsyncExitStack() as stack:
            await hold(pool, stack, "ada", 2)
            with pytest.raises(SandboxBusy):
                async with pool.child("payload", "ada", 5.0, wait_s=0.05):
                    pass
            assert await tell(pool, "found = 1", tenant="bob") == 1

    run(check)


def test_tenants_take_turns_however_many_one_of_them_asks_for() -> None:
    order: list[str] = []

    async def visit(pool: Pool, tenant: str) -> None:
        async with pool.child("payload", tenant, 60.0, wait_s=60.0) as child:
            order.append(tenant)
            await told(child, "found = 1")

    async def check() -> None:
        async with pool_of(children_max=1, children_spare=0, child_runs_max=1000) as pool:
            async with AsyncExitStack() as stack:
                await hold(pool, stack, "ada", 1)
                waiting = [asyncio.create_task(visit(pool, "ada")) for _ in range(10)]
                await asyncio.sleep(0)
                waiting += [asyncio.create_task(visit(pool, tenant)) for tenant in ("bob", "eve")]
                await asyncio.sleep(0)
            await asyncio.gather(*waiting)
        assert set(order[:4]) == {"ada", "bob", "eve"}, order
        assert order.count("ada") == 10

    run(check)


def test_a_hundred_runs_that_do_not_end_keep_nobody_else_from_running() -> None:
    async def bomb(pool: Pool) -> str:
        try:
            await tell(pool, LOOP, tenant="mallory", budget_s=0.2)
        except Exception as error:
            return type(error).__name__
        return "ended"

    async def check() -> None:
        async with pool_of(children_max=6, children_tenant_max=3, children_queue_max=110, children_wait_s=2.0) as pool:
            bombs = [asyncio.create_task(bomb(pool)) for _ in range(100)]
            await asyncio.sleep(0)
            for number in range(20):
                assert await tell(pool, f"found = {number}", tenant="ada") == number
            assert not all(task.done() for task in bombs), "they were at it all the while"
            assert set(await asyncio.gather(*bombs)) <= {"SandboxTimeout", "SandboxBusy"}

    run(check)


def test_more_than_may_wait_are_told_to_come_again() -> None:
    async def check() -> None:
        async with pool_of(children_max=1, children_queue_max=1, children_spare=0) as pool, AsyncExitStack() as stack:
            await hold(pool, stack, "ada", 1)
            waiting = asyncio.create_task(tell(pool, "found = 1"))
            await asyncio.sleep(0)
            with pytest.raises(SandboxBusy) as raised:
                await tell(pool, "found = 2")
            assert raised.value.retryable
            assert raised.value.retry_after_s
            await stack.aclose()
            assert await waiting == 1

    run(check)


def test_who_gave_up_waiting_takes_nobodys_child() -> None:
    async def check() -> None:
        async with pool_of(children_max=1, children_spare=0) as pool:
            async with pool.child("payload", "ada", 60.0):
                gone = [asyncio.create_task(tell(pool, "found = 1", tenant=str(number))) for number in range(5)]
                await asyncio.sleep(0)
                for task in gone:
                    task.cancel()
            assert await tell(pool, "found = 2", tenant="bob") == 2
            await asyncio.gather(*gone, return_exceptions=True)

    run(check)


def test_who_waits_when_the_pool_closes_is_told() -> None:
    async def check() -> None:
        async with pool_of(children_max=1, children_spare=0) as pool, AsyncExitStack() as stack:
            await hold(pool, stack, "ada", 1)
            waiting = asyncio.create_task(tell(pool, "found = 1"))
            await asyncio.sleep(0)
            await pool.close()
            with pytest.raises(SandboxUnavailable):
                await waiting

    run(check)


def test_nothing_is_started_before_the_first_run_or_the_word() -> None:
    async def check() -> None:
        async with pool_of(children_spare=2) as pool:
            assert pool._rosters == {}
            pool.prepare("payload")
            roster = pool._rosters["payload"]
            async with asyncio.timeout(20):
                while len(roster._fresh) < 2:
                    await asyncio.sleep(0.01)

    run(check)

"""No process of a server outlives its worker, whatever is killed, in whatever order."""

import asyncio
import os
import random
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.mesh import Process, wait_until
from tests.upstreams.started import run
from tests.upstreams.stdio_started import alive, descendants, opened, until
from workers.backends.mcp_stdio import keeper

WORKER = Path(__file__).parents[2] / "upstreams" / "stdio_worker.py"


def tree_of(worker: Process) -> list[int]:
    """The processes that it said it had, all of them alive."""
    wait_until(lambda: "pids " in worker.output() or not worker.running, "the worker has its servers")
    assert worker.running, worker.output()
    line = next(line for line in worker.output().splitlines() if line.startswith("pids "))
    tree = [int(pid) for pid in line.split()[1:]]
    assert all(map(alive, tree))
    return tree


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_a_worker_ends_or_is_killed_its_servers_and_all_that_they_started_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    worker = Process([sys.executable, str(WORKER), "3"], tmp_path / "log")
    try:
        tree = tree_of(worker)
        assert len(tree) == 3 * 4, "keeper, server and two that daemonised, three times"
        worker.send(number)
        wait_until(lambda: not any(map(alive, tree)), "all of them are gone")
        wait_until(lambda: not worker.running, "the worker ended")
        assert worker.stop() == (0 if number is signal.SIGTERM else -number)
    finally:
        worker.kill()


def test_a_worker_that_is_stopped_and_then_killed_leaves_nothing(tmp_path: Path) -> None:
    worker = Process([sys.executable, str(WORKER), "1"], tmp_path / "log")
    try:
        tree = tree_of(worker)
        worker.send(signal.SIGSTOP)
        os.kill(tree[0], signal.SIGSTOP)
        worker.kill()
        os.kill(tree[0], signal.SIGCONT)
        wait_until(lambda: not any(map(alive, tree)), "all of them are gone")
    finally:
        worker.kill()


def test_a_keeper_stays_when_everything_of_a_service_gets_sigterm() -> None:
    async def test() -> None:
        async with opened() as caller:
            server = await caller.text("pid")
            for pid in descendants():
                if int(server) in descendants(pid):
                    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                        os.kill(pid, number)
            assert await caller.text("pid") == server

    run(test)


def test_the_tree_is_the_same_with_and_without_the_kernels_list_of_children() -> None:
    async def test() -> None:
        async with opened() as caller:
            await caller.text("spawn", {"count": 3})
            ways = [set(keeper.descendants(os.getpid(), has_children=way)) for way in (True, False)]
            assert ways[0] == ways[1] >= set(descendants())
            assert len(descendants()) == 5

    run(test)


def kill_at_random(backends: int, kills: int, seed: int) -> None:
    """Kill keepers, servers and what they started; afterwards each backend serves, and what was killed left nothing."""
    chance = random.Random(seed)
    seen: set[int] = set()

    async def test() -> None:
        async with AsyncExitStack() as stack:
            settings = Settings(stdio_stop_s=0.3, stdio_restart_s_max=0.5)
            callers = [await stack.enter_async_context(opened(settings=settings)) for _ in range(backends)]
            for _ in range(kills):
                caller = chance.choice(callers)
                started = [int(pid) for pid in (await caller.text("spawn", {"count": 2}, access="read")).split()]
                server = int(await caller.text("pid", access="read"))
                its_keeper = next(pid for pid in descendants() if server in descendants(pid))
                seen.update((server, its_keeper, *started, *descendants(its_keeper)))
                for victim in chance.sample([server, its_keeper, *started], chance.randint(1, 2)):
                    if alive(victim):
                        os.kill(victim, signal.SIGKILL)
            for caller in callers:
                assert await caller.text("echo", {"message": "back"}, access="read") == "back"
        assert descendants() == []
        await until(lambda: not any(map(alive, seen)), "nothing is left")

    run(test, timeout_s=300)
    assert len(seen) >= kills


def test_after_kills_at_random_every_backend_serves_and_nothing_is_left() -> None:
    kill_at_random(backends=3, kills=8, seed=3)


@pytest.mark.slow
def test_after_fifty_kills_in_twenty_backends_nothing_is_left() -> None:
    kill_at_random(backends=20, kills=50, seed=50)


def test_servers_that_are_closed_while_they_start_or_wait_to_start_again_leave_nothing() -> None:
    async def test() -> None:
        for options in (("--start-s", "30"), ("--exit", "1"), ("--stubborn", "--silent")):
            async with opened(*options, settings=Settings(stdio_stop_s=0.1)):
                await until(lambda: bool(descendants()), "something was started")
            async with opened(*options, settings=Settings(stdio_stop_s=0.1)):
                await asyncio.sleep(0)
        assert descendants() == []

    run(test)

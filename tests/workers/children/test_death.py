"""A run that does not end, takes too much or dies ends its child alone; the caller is told in time, the child replaced."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.errors import MeshError, SandboxCrashed, SandboxMemory, SandboxTimeout, SandboxUnavailable
from shared.settings import Settings
from tests.mesh import Process, wait_until
from tests.workers.children.payloads import LOOP, PAYLOAD, descriptors, lives, pid_of, pool_of, run, tell, told
from workers.children.child import ChildProcess, start_child
from workers.children.engine import Engine
from workers.children.pool import Pool

WORKER = Path(__file__).with_name("pool_worker.py")


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while lives(pid):
            await asyncio.sleep(0.01)


def ending(python: str, budget_s: float = 30.0, **settings: Any) -> MeshError:
    """How a run with this code ends for its caller; its child is gone, and another one answers."""

    async def check() -> MeshError:
        async with pool_of(children_spare=1, **settings) as pool:
            pid = await pid_of(pool)
            with pytest.raises(MeshError) as raised:
                await tell(pool, python, budget_s=budget_s)
            await until_gone(pid)
            assert await tell(pool, "found = 1") == 1
            assert await pid_of(pool) != pid
            return raised.value

    return run(check)


def test_a_run_that_does_not_end_is_killed_when_its_time_is_over() -> None:
    error = ending(LOOP, 0.2)
    assert isinstance(error, SandboxTimeout)
    assert error.data == {"budget_s": 0.2}


def test_a_run_that_catches_everything_is_killed_all_the_same() -> None:
    stubborn = "while True:\n try:\n  while True: pass\n except BaseException: pass"
    assert isinstance(ending(stubborn, 0.2), SandboxTimeout)


def test_a_run_that_ignores_signals_is_killed_all_the_same() -> None:
    assert isinstance(ending(f"signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n{LOOP}", 0.2), SandboxTimeout)


def test_a_run_that_waits_for_what_never_comes_is_killed() -> None:
    assert isinstance(ending("port.receive()", 0.2), SandboxTimeout)


def test_cpu_time_has_a_limit_of_its_own() -> None:
    error = ending(LOOP, code_cpu_s=0.2, children_poll_s=0.02)
    assert isinstance(error, SandboxTimeout)
    assert "CPU" in error.detail


def test_where_the_worker_does_not_look_the_kernel_ends_a_run_that_uses_up_its_cpu_time() -> None:
    error = ending(LOOP, code_cpu_s=0.1, children_poll_s=3600.0)
    assert isinstance(error, SandboxTimeout)
    assert "CPU" in error.detail


def test_a_child_that_takes_memory_all_the_same_is_killed() -> None:
    hold = "resource.setrlimit = None\nkept = bytearray(20 << 20)\n" + LOOP
    assert isinstance(ending(hold, child_memory_mib=24, children_poll_s=0.02), SandboxMemory)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS])
def test_a_child_that_is_killed_in_mid_run_is_told_of_as_crashed(number: signal.Signals) -> None:
    async def check() -> None:
        async with pool_of() as pool:
            async with pool.child("payload", "ada", 30.0) as child:
                asyncio.get_running_loop().call_later(0.05, os.kill, child.pid, number)
                with pytest.raises(SandboxCrashed, match=str(int(number))):
                    await told(child, LOOP)
            assert await tell(pool, "found = 1") == 1

    run(check)


@pytest.mark.parametrize("code", ["os._exit(0)", "os._exit(7)", "ctypes.string_at(0)"])
def test_a_child_that_ends_by_itself_is_told_of_as_crashed(code: str) -> None:
    assert isinstance(ending(code), SandboxCrashed)


def test_a_child_that_aborts_is_out_of_memory() -> None:
    assert isinstance(ending("os.abort()"), SandboxMemory)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\x04nope",
        b"\0\0\0\x02[]",
        b"\0\0\0\x03NaN",
        b"\0\x01\x86\xa0" + b"[" * 100_000,
        b"\0\0\0\x0a" + b'{"a":\xff\xfe..}',
    ],
    ids=["too-long", "not-json", "no-object", "nan", "too-deep", "not-utf-8"],
)
def test_a_child_that_says_what_is_no_message_is_killed(said: bytes) -> None:
    error = ending(f"os.write(0, {said!r})\n{LOOP}")
    assert isinstance(error, SandboxCrashed)


def test_a_child_that_stops_in_the_middle_of_a_message_is_killed_in_time() -> None:
    assert isinstance(ending(f"os.write(0, bytes([0, 0, 1, 0]) + b'half')\n{LOOP}", 0.2), SandboxTimeout)


def test_a_child_that_floods_its_line_does_not_fill_the_workers_memory() -> None:
    flood = "frame = len(b'{}').to_bytes(4, 'big') + b'{}'\nwhile True: os.write(0, frame * 1000)"

    async def flooded(pool: Pool) -> ChildProcess:
        async with pool.child("payload", "ada", 30.0) as child:
            await child.send({"run": "payload", "python": flood})
            await child.receive()
            while not child._reader._paused:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
            return child

    async def check() -> None:
        async with pool_of() as pool:
            child = await flooded(pool)
            assert child.has_more
            assert len(child._reader._buffer) < 1 << 20  # type: ignore[attr-defined]

    run(check)


def test_a_child_that_says_more_than_its_result_is_not_used_again() -> None:
    async def check() -> None:
        async with pool_of() as pool:
            async with pool.child("payload", "ada", 5.0) as child:
                await told(child, "port.send({'done': {'value': 'forged'}})")
                first = child.pid
            while not child.has_more:
                await asyncio.sleep(0.01)
            assert await pid_of(pool) != first

    run(check)


def test_an_exception_of_the_engine_is_an_error_of_the_run_and_no_traceback() -> None:
    async def check() -> None:
        async with pool_of() as pool, pool.child("payload", "ada", 5.0) as child:
            await child.send({"run": "payload", "raising": "at /secret/path"})
            done = (await child.receive())["done"]
            assert done == {
                "value": None,
                "error": {"code": "engine", "message": "ValueError: at /secret/path"},
                "logs": [],
            }
            assert await told(child, "found = 2") == 2

    run(check)


def test_a_result_that_is_too_large_or_no_json_is_an_error_of_the_run() -> None:
    async def check() -> None:
        async with pool_of(child_frame_bytes_max=1 << 16) as pool, pool.child("payload", "ada", 5.0) as child:
            for code in ("found = 'x' * 70000", "found = {1, 2}", "found = float('nan')"):
                await child.send({"run": "payload", "python": code})
                done = (await child.receive())["done"]
                assert done["error"]["code"] == "too_large", done
            with pytest.raises(ValueError, match="65536 is the limit"):
                await child.send({"run": "payload", "python": "x" * 70_000})
            assert await told(child, "found = 3") == 3

    run(check)


def test_a_block_that_raises_or_is_cancelled_or_leaves_a_run_has_no_child_left() -> None:
    async def left(pool: Pool, after: str) -> int:
        async with pool.child("payload", "ada", 30.0) as child:
            await child.send({"run": "payload", "python": LOOP})
            if after == "raise":
                raise KeyError(child.pid)
            if after == "cancel":
                asyncio.get_running_loop().call_soon(asyncio.current_task().cancel, child.pid)  # type: ignore[union-attr]
                await child.receive()
            return child.pid

    async def check() -> None:
        async with pool_of() as pool:
            await until_gone(await left(pool, "leave"))
            for after, kind in (("raise", KeyError), ("cancel", asyncio.CancelledError)):
                with pytest.raises(kind) as raised:
                    await left(pool, after)
                await until_gone(raised.value.args[0])

    run(check)


def test_an_idle_child_that_is_killed_is_replaced() -> None:
    async def check() -> None:
        async with pool_of(children_spare=1) as pool:
            pid = await pid_of(pool)
            os.kill(pid, signal.SIGKILL)
            await until_gone(pid)
            assert await tell(pool, "found = 4") == 4

    run(check)


def test_children_that_cannot_start_are_said_to_be_unavailable_and_tried_again(tmp_path: Path) -> None:
    engine = Engine("payload", "late", paths=(str(tmp_path),))

    async def check() -> None:
        pool = Pool(Settings(children_spare=0), {"payload": engine})
        with pytest.raises(SandboxUnavailable, match="No module named 'late'"):
            async with pool.child("payload", "ada", 5.0):
                pass
        (tmp_path / "late.py").write_text("def run(job, port):\n    return {'value': 5}\n")
        async with pool.child("payload", "ada", 5.0) as child:
            await child.send({"run": "payload"})
            assert (await child.receive())["done"]["value"] == 5
        await pool.close()

    run(check)


def test_a_child_that_does_not_get_ready_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("while True: pass\n")

    async def check() -> None:
        with pytest.raises(SandboxUnavailable, match="takes too long"):
            await start_child(Engine("slow", "slow", paths=(str(tmp_path),)), Settings(children_start_s=0.3))

    run(check)


def test_nothing_is_left_of_many_children() -> None:
    async def check() -> None:
        before = descriptors()
        async with pool_of(child_runs_max=1, children_spare=1) as pool:
            pids = [await pid_of(pool) for _ in range(10)]
            assert len(set(pids)) == 10
        assert not any(map(lives, pids))
        assert descriptors() == before

    run(check)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_children_end_with_their_worker(tmp_path: Path, how: signal.Signals) -> None:
    worker = Process([sys.executable, str(WORKER)], tmp_path / "log")
    try:
        wait_until(lambda: "pids " in worker.output() or not worker.running, "it has its children")
        pids = [int(word) for word in worker.output().partition("pids ")[2].split()]
        assert len(pids) == 3
        assert all(map(lives, pids)), worker.output()
        worker.send(how)
        wait_until(lambda: not any(map(lives, pids)), "they are gone")
    finally:
        worker.kill()


def test_the_engine_of_the_tests_is_no_engine_of_ours() -> None:
    assert PAYLOAD.name not in Pool(Settings())._engines

"""A sandbox service gives its children over a unix socket: to who uses them they are the same as children of its own."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from shared.errors import (
    ConfigurationError,
    MeshError,
    SandboxBusy,
    SandboxCrashed,
    SandboxMemory,
    SandboxTimeout,
    SandboxUnavailable,
)
from shared.settings import Settings
from tests.mesh import Module, wait_until
from tests.upstreams.stdio_started import descendants
from tests.workers.children.payloads import LOOP, PAYLOAD, lives, run, told
from workers.children import frames
from workers.children.opened import open_children
from workers.children.pool import Pool
from workers.children.remote import RemoteChildren
from workers.children.service import Service, listener
from workers.children.transforms import Transforms

ENGINES = {"payload": PAYLOAD}


@asynccontextmanager
async def served(path: Path, **settings: Any) -> AsyncIterator[RemoteChildren]:
    """A service in this process, and its children as a worker gets them."""
    given = Settings(**{"children_spare": 1, "drain_s": 0.2, "sandbox": path, **settings})
    service = Service(given, path, ENGINES)
    await service.start()
    try:
        children = open_children(given)
        assert isinstance(children, RemoteChildren)
        yield children
    finally:
        await service.stop()


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short enough for a socket."""
    return tmp_path_factory.mktemp("s") / "socket"


async def tell(children: RemoteChildren, python: str, *, tenant: str = "ada", budget_s: float = 5.0) -> Any:
    async with children.child("payload", tenant, budget_s) as child:
        return await told(child, python)


async def pid_of(children: RemoteChildren, tenant: str = "ada") -> int:
    return int(await tell(children, "found = os.getpid()", tenant=tenant))


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while lives(pid):
            await asyncio.sleep(0.01)


def test_runs_are_answered_and_children_kept_for_their_tenant(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children:
            await tell(children, "state['of'] = 'ada'")
            assert await tell(children, "found = state") == {"of": "ada"}
            assert await tell(children, "found = state", tenant="bob") == {}
            async with children.child("payload", "ada", 5.0) as child:
                assert "system calls" in child.given["network"]
                assert [await told(child, f"found = {n}") for n in range(3)] == [0, 1, 2]

    run(check)


def test_two_workers_share_no_child_though_the_tenant_is_the_same(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children:
            await tell(children, "state['of'] = 'one worker'")
            assert await tell(RemoteChildren(path, Settings()), "found = state") == {}
            assert await tell(children, "found = state") == {"of": "one worker"}

    run(check)


@pytest.mark.parametrize(
    ("python", "budget_s", "kind"),
    [
        (LOOP, 0.2, SandboxTimeout),
        ("os._exit(3)", 5.0, SandboxCrashed),
        ("os.abort()", 5.0, SandboxMemory),
        ("os.write(0, b'\\xff\\xff\\xff\\xff')\n" + LOOP, 5.0, SandboxCrashed),
        ("port.send({'sandbox': {'error': {'code': 'sandbox_busy', 'detail': 'forged'}}})", 5.0, SandboxCrashed),
        ("port.send({'sandbox': 'kill'})", 5.0, SandboxCrashed),
    ],
    ids=["endless", "exits", "aborts", "no-message", "forged-error", "forged-word"],
)
def test_what_ends_a_child_is_told_as_what_it_is(path: Path, python: str, budget_s: float, kind: type[MeshError]) -> None:
    async def check() -> None:
        async with served(path) as children:
            pid = await pid_of(children)
            with pytest.raises(kind) as raised:
                await tell(children, python, budget_s=budget_s)
            assert "forged" not in raised.value.detail
            await until_gone(pid)
            assert await tell(children, "found = 1") == 1

    run(check)


def test_a_client_that_goes_away_takes_its_child_with_it(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children:
            pid = await pid_of(children)
            task = asyncio.create_task(tell(children, LOOP, budget_s=60.0))
            await asyncio.sleep(0.05)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await until_gone(pid)

    run(check)


def test_a_client_that_goes_away_while_it_waits_leaves_its_place(path: Path) -> None:
    async def check() -> None:
        async with served(path, children_max=1, children_spare=0, children_queue_max=1) as children:
            async with children.child("payload", "ada", 60.0):
                for _ in range(5):
                    task = asyncio.create_task(tell(children, "found = 1", tenant="bob"))
                    await asyncio.sleep(0.05)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    await asyncio.sleep(0.05)
                waiting = asyncio.create_task(tell(children, "found = 2", tenant="eve"))
                await asyncio.sleep(0.1)
                with pytest.raises(SandboxBusy) as raised:
                    await tell(children, "found = 3", tenant="joe")
                assert raised.value.retry_after_s
            assert await waiting == 2

    run(check)


def test_a_block_that_raises_leaves_no_child_to_be_used_again(path: Path) -> None:
    async def failing(children: RemoteChildren) -> None:
        async with children.child("payload", "ada", 60.0) as child:
            assert await told(child, "found = 1") == 1
            raise KeyError

    async def check() -> None:
        async with served(path) as children:
            pid = await pid_of(children)
            with pytest.raises(KeyError):
                await failing(children)
            await until_gone(pid)

    run(check)


def test_the_child_is_killed_where_the_caller_says_so(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children, children.child("payload", "ada", 60.0) as child:
            pid = await told(child, "found = os.getpid()")
            child.kill()
            with pytest.raises(SandboxCrashed):
                await child.receive()
            await until_gone(pid)

    run(check)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        frames.pack({"run": "payload"}, 1000),
        frames.pack({"sandbox": {}}, 1000),
        frames.pack({"sandbox": {"engine": "payload", "tenant": "a", "worker": "w", "budget_s": "1", "wait_s": 1}}, 1000),
        frames.pack({"sandbox": {"engine": "payload", "tenant": "a", "worker": "w", "budget_s": -1, "wait_s": 1}}, 1000),
        frames.pack({"sandbox": "kill"}, 1000),
        b"",
    ],
    ids=["http", "run", "empty", "text", "negative", "kill", "nothing"],
)
def test_who_says_no_wish_is_let_go(path: Path, said: bytes) -> None:
    async def check() -> None:
        async with served(path) as children:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(said)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            assert await tell(children, "found = 1") == 1

    run(check)


def test_an_engine_that_the_service_does_not_have_is_said(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children:
            with pytest.raises(SandboxUnavailable, match="no engine python"):
                async with children.child("python", "ada", 1.0):
                    pass

    run(check)


def test_a_service_that_is_away_is_waited_for_and_then_said_to_be_away(path: Path) -> None:
    async def check() -> None:
        children = RemoteChildren(path, Settings())
        with pytest.raises(SandboxUnavailable, match="toolmesh sandbox"):
            async with children.child("payload", "ada", 5.0, wait_s=0.1):
                pass
        waiting = asyncio.create_task(tell(children, "found = 1"))
        await asyncio.sleep(0.2)
        async with served(path):
            assert await waiting == 1

    run(check)


def test_a_service_that_ends_ends_what_runs_and_says_so(path: Path) -> None:
    async def check() -> None:
        async with served(path) as children:
            running = asyncio.create_task(tell(children, LOOP, budget_s=60.0))
            await asyncio.sleep(0.1)
        with pytest.raises((SandboxUnavailable, SandboxCrashed)):
            await running

    run(check)
    assert not path.exists()


def test_the_socket_is_for_its_user_and_group_alone(path: Path) -> None:
    with listener(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with pytest.raises(ConfigurationError, match="Another process listens"):
            listener(path)
    assert path.is_socket(), "left behind"
    listener(path).close()
    with pytest.raises(ConfigurationError, match="--socket"):
        listener(path / "not" / "there")
    with pytest.raises(ConfigurationError, match="100 characters"):
        listener(path.with_name("x" * 200))
    path.unlink()
    path.write_text("a file")
    with pytest.raises(ConfigurationError, match="--socket"):
        listener(path)
    assert path.read_text() == "a file"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_command_serves_jq_and_leaves_nothing_behind(path: Path, tmp_path: Path, how: signal.Signals) -> None:
    environment = {"PATH": os.environ["PATH"], "TOOLMESH_HEALTH_FILE": str(tmp_path / "health")}
    process = Module(["toolmesh", "sandbox", "--socket", str(path)], tmp_path / "log", environment)
    try:
        wait_until(lambda: (tmp_path / "health").exists() or not process.running, "it is healthy")
        assert process.running, process.output()
        settings = Settings(sandbox=path, transform_timeout_s=5.0)

        async def check() -> None:
            transforms = Transforms(open_children(settings), settings)
            assert await transforms.run(".a + 1", b'{"a": 1}', "ada") == b"2"

        run(check)
        children = descendants(process.pid)
        assert children
        process.send(how)
        wait_until(lambda: not any(map(lives, children)), "its children are gone")
        assert process.stop() == (0 if how is signal.SIGTERM else -how)
        assert path.exists() == (how is signal.SIGKILL)
    finally:
        process.kill()


def test_without_a_socket_children_are_the_workers_own() -> None:
    assert isinstance(open_children(Settings()), Pool)

"""Refresh tokens of which each may be used once, among several workers, with a real broker that dies as well."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, MeshError, UpstreamUnreachable
from shared.line import RedisLine
from shared.mesh_keys import parse_key_ring
from shared.settings import Settings
from tests.mesh import Broker, Process, mesh_keys
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorded
from tests.upstreams.started import run
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, TokenServer
from tests.workers.rest.tokens import (
    ENVIRONMENT,
    QUICK,
    REFRESH,
    ROTATES,
    TAKEN,
    dadl,
    forget,
    serving,
    worker,
    workers,
)
from workers.backends.rest.auth.given import Given
from workers.backends.rest.auth.grants import RefreshToken
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.place import Place
from workers.backends.rest.dadl.auth import OAuth2Auth
from workers.backends.rest.wire import Wire
from workers.children.opened import open_children
from workers.credentials import Credentials
from workers.equipment import Equipment


def test_a_refresh_token_that_rotates_is_used_once_whoever_of_them_refreshes(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, workers(3, tmp_path, ROTATES, upstream, empty) as callers:
            for round_number in range(1, 8):
                texts = await asyncio.gather(*(caller.text("look") for caller in callers for _ in range(4)))
                assert set(texts) == {TAKEN}
                assert len(server.given) == round_number
                # As if it was over: to the API and to all of them.
                server.good.clear()
                forget(empty)
        assert not server.ended
        assert len(server.spent) == 7
        assert server.asked_tokens[0] == FIRST_REFRESH_TOKEN
        assert len(set(server.asked_tokens)) == 7

    run(test)


def test_two_backends_with_the_same_refresh_token_do_not_end_it(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, AsyncExitStack() as stack:
            callers = []
            for name in ("wx", "wx2"):
                (tmp_path / name).mkdir()
                opening = worker(tmp_path / name, ROTATES, upstream, redis_url=empty.url, name=name)
                callers.append(await stack.enter_async_context(opening))
            texts = await asyncio.gather(*(caller.text("look") for caller in callers))
            assert texts == [TAKEN, TAKEN]
            assert len(server.given) == 2
            assert not server.ended

    run(test)


def test_a_new_refresh_token_of_the_operators_wins_over_what_is_kept(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url) as caller:
                assert await caller.text("look") == TAKEN
            server.refresh_token = "set-by-the-operator-1"
            server.spent.clear()
            environment = ENVIRONMENT | {"CREDENTIAL_WX_REFRESH": "set-by-the-operator-1"}
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url, environment=environment) as caller:
                assert await caller.text("look") == TAKEN
            assert server.asked[-1]["refresh_token"] == "set-by-the-operator-1"
            assert not server.ended

    run(test)


def test_a_rotated_token_outlives_a_killed_broker_that_keeps_what_it_was_told(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url) as caller:
                assert await caller.text("look") == TAKEN
            await asyncio.to_thread(empty.process.kill)
            await asyncio.to_thread(empty.start)
            forget(empty)
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url) as caller:
                assert await caller.text("look") == TAKEN
            assert not server.ended
            assert len(server.spent) == 2

    run(test)


def test_nothing_is_asked_for_while_a_rotated_token_could_not_be_kept(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, settings=QUICK) as caller:
                with pytest.raises(BrokerUnavailable, match="broker, which keeps it"):
                    await caller.text("look")
            assert upstream.requests == []

    run(test)


def test_without_the_broker_a_token_that_does_not_rotate_is_got_all_the_same(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(rotates=False)
        async with serving(server) as upstream, worker(tmp_path, REFRESH, upstream) as caller:
            assert await caller.text("look") == TAKEN

    run(test)


def test_a_broker_that_goes_away_in_the_middle_of_a_rotation_loses_nothing(tmp_path: Path, empty: Broker) -> None:
    """The new token is in the worker's memory alone then. It is not used before it is kept."""

    async def test() -> None:
        server = TokenServer()
        gone = asyncio.Event()

        def die_first(request: Recorded) -> Any:
            if gone.is_set():
                return None
            reply = server.token(request, server.asked[-1])
            empty.process.kill()
            gone.set()
            return reply

        server.token_says = die_first
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url, settings=QUICK) as caller:
                with pytest.raises(BrokerUnavailable, match="broker, which keeps it"):
                    await caller.text("look")
                assert [request.path for request in upstream.requests] == ["/token"]
                await asyncio.to_thread(empty.start)
                async with asyncio.timeout(20):
                    while await said(caller) != TAKEN:
                        await asyncio.sleep(0.05)
            assert not server.ended
            assert server.asked_tokens[0] == FIRST_REFRESH_TOKEN
            assert server.asked_tokens[1] == "refresh-canary-1-9c2d"

    run(test)


async def said(caller: Caller) -> str:
    """What a call gave, or the error that it ended with."""
    try:
        return await caller.text("look")
    except MeshError as error:
        return error.code


def test_a_call_that_ends_does_not_end_the_rotation_that_it_began(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        asked, go_on = asyncio.Event(), asyncio.Event()

        def slow(request: Recorded) -> Any:
            async def write(writer: asyncio.StreamWriter) -> None:
                asked.set()
                await go_on.wait()
                writer.write(server.token(request, server.asked[-1]).raw)
                await writer.drain()

            return write

        server.token_says = slow
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url) as caller:
                call = asyncio.create_task(caller.text("look"))
                await asked.wait()
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
                go_on.set()
                assert await caller.text("look") == TAKEN
            assert len(server.asked) == 1

    run(test)


def test_what_becomes_of_a_worker_killed_between_the_rotation_and_its_keeping(tmp_path: Path, empty: Broker) -> None:
    """Nobody has the new token: the old one is tried, since some servers forgive that, and the operator told what to do."""

    async def test() -> None:
        server = TokenServer()
        rotated = asyncio.Event()

        def rotate_and_wait(request: Recorded) -> Any:
            if rotated.is_set():
                return None
            server.token(request, server.asked[-1])

            async def write(writer: asyncio.StreamWriter) -> None:
                rotated.set()
                await asyncio.Event().wait()

            return write

        server.token_says = rotate_and_wait
        async with serving(server) as upstream:
            (tmp_path / "killed").mkdir()
            (tmp_path / "killed.dadl").write_text(dadl(ROTATES, upstream))
            arguments = ["tests.workers.rest.one_call", str(tmp_path / "killed"), str(tmp_path / "killed.dadl")]
            process = Process(
                [sys.executable, "-m", *arguments, upstream.url, empty.url],
                tmp_path / "killed.log",
                dict(os.environ) | ENVIRONMENT,
            )
            try:
                await rotated.wait()
            finally:
                await asyncio.to_thread(process.kill)
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url, settings=QUICK) as caller:
                text = await caller.text("look")
            assert server.ended
            assert text.startswith("[unauthorized] The token endpoint of backend 'wx' answers `invalid_grant`: ")
            assert "set CREDENTIAL_WX_REFRESH of the workers to it" in text

    run(test)


def test_a_worker_that_was_held_up_until_its_turn_was_over_does_not_use_what_it_read(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        entry = BackendEntry(name="wx", transport="rest")
        settings = Settings()
        line = RedisLine(empty.url, pending_max=100, timeout_s=2.0)
        await line.open()
        equipment = Equipment(children=open_children(settings), line=line, ring=parse_key_ring(mesh_keys()))
        wire = Wire(entry, settings, lambda text: text)
        wire.open()
        async with serving(server) as upstream:
            given = Given(Credentials(ENVIRONMENT), entry)
            place = Place(
                entry=entry, settings=settings, given=given, wire=wire, equipment=equipment, base_url=upstream.url
            )
            url = f"{upstream.url}/token"
            auth = OAuth2Auth(flow="refresh_token", token_url=url, rotates_refresh_token=True)
            grant = RefreshToken(auth, place, InUse())
            key = (CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN)
            now = asyncio.get_running_loop().time()
            for until in (None, now - 1, now + settings.rest_token_s / 2):
                with pytest.raises(UpstreamUnreachable, match="its turn is over"):
                    await grant.fetch(key, until)
            assert server.asked == []
            token, _ = await grant.fetch(key, now + 2 * settings.rest_token_s)
            assert token.token in server.good
            await wire.close()
        await equipment.children.close()
        await line.close()

    run(test)


def test_a_broker_that_comes_back_empty_is_given_the_newest_token_that_a_worker_remembers(
    tmp_path: Path, empty: Broker
) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, ROTATES, upstream, redis_url=empty.url) as caller:
                for _ in range(3):
                    assert await caller.text("look") == TAKEN
                    forget(empty, all_of_it=True)
                    server.good.clear()
            assert not server.ended
            assert len(server.spent) == 3

    run(test)

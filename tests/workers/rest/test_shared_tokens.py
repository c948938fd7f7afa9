"""Tokens that the workers of a group share through a real broker: got once, readable by nobody else."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from shared.mesh_keys import parse_key_ring
from tests.mesh import Broker, mesh_keys
from tests.upstreams.started import run
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, TokenServer
from tests.workers.rest.tokens import (
    CLIENT_CREDENTIALS,
    ENVIRONMENT,
    QUICK,
    ROTATES,
    TAKEN,
    everything_in,
    forget,
    forms_of,
    serving,
    worker,
    workers,
)


def test_one_worker_of_many_gets_the_token_for_all(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, workers(4, tmp_path, CLIENT_CREDENTIALS, upstream, empty) as callers:
            texts = await asyncio.gather(*(caller.text("look") for caller in callers for _ in range(5)))
            assert set(texts) == {TAKEN}
            assert len(server.given) == 1
            # One that the API does not take any more is replaced once, too.
            server.good.clear()
            texts = await asyncio.gather(*(caller.text("look") for caller in callers for _ in range(5)))
            assert set(texts) == {TAKEN}
            assert len(server.given) == 2

    run(test)


def test_a_worker_that_starts_later_uses_the_token_that_is_there(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            for _ in range(3):
                async with worker(tmp_path, CLIENT_CREDENTIALS, upstream, redis_url=empty.url) as caller:
                    assert await caller.text("look") == TAKEN
            assert len(server.given) == 1

    run(test)


@pytest.mark.parametrize("changed", ["secret", "file", "backend", "group"])
def test_a_token_is_for_those_alone_who_would_have_got_the_same(changed: str, tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, CLIENT_CREDENTIALS, upstream, redis_url=empty.url) as caller:
                assert await caller.text("look") == TAKEN
            auth = CLIENT_CREDENTIALS.replace("}", ", scopes: [more]}") if changed == "file" else CLIENT_CREDENTIALS
            environment = ENVIRONMENT | ({"CREDENTIAL_WX_SECRET": "another one"} if changed == "secret" else {})
            entry = {"backend": {"name": "wx2"}, "group": {"group": "other"}}.get(changed, {})
            how: dict[str, Any] = {"environment": environment, "redis_url": empty.url, **entry}
            async with worker(tmp_path, auth, upstream, **how) as caller:
                assert ("invalid_client" in await caller.text("look")) == (changed == "secret")
            assert len(server.asked) == 2

    run(test)


def test_a_worker_that_hangs_with_the_turn_holds_up_the_others_for_so_long_and_no_longer(
    tmp_path: Path, empty: Broker
) -> None:
    async def test() -> None:
        server = TokenServer()
        turns: list[bytes] = []
        with empty.client() as client:
            server.token_says = lambda request: turns.extend(client.keys("tm:default:rest-turn:*"))
            how: dict[str, Any] = {"redis_url": empty.url, "settings": QUICK}
            async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream, **how) as caller:
                assert await caller.text("look") == TAKEN
                forget(empty)
                server.good.clear()
                # One that nobody gives back.
                client.set(turns[0], "hangs", px=600_000)
                assert await caller.text("look") == TAKEN
        assert len(server.given) == 2
        assert len(turns) == 2

    run(test)


@pytest.mark.parametrize("auth", [CLIENT_CREDENTIALS, ROTATES], ids=["client_credentials", "rotation"])
def test_no_secret_and_no_token_can_be_read_on_the_broker(auth: str, tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, workers(2, tmp_path, auth, upstream, empty) as callers:
            for caller in callers:
                assert await caller.text("look") == TAKEN
            held = everything_in(empty)
            assert re.findall(rb"tm:default:rest-token:[0-9a-f]{32}", held)
            for secret in (CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, *server.given, server.refresh_token):
                assert not [form for form in forms_of(secret) if form in held], secret

    run(test)


def test_who_has_the_groups_key_but_not_the_credentials_can_not_read_a_token(tmp_path: Path, empty: Broker) -> None:
    """An edge, for instance."""

    async def test() -> None:
        server = TokenServer()
        how = {"redis_url": empty.url}
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream, **how) as caller:
            assert await caller.text("look") == TAKEN
        with empty.client() as client:
            (raw,) = (client.get(key) for key in client.keys("tm:default:rest-token:*"))
        assert isinstance(raw, bytes)
        cipher = parse_key_ring(mesh_keys()).cipher("default", "k1")
        with pytest.raises(Exception, match="can't be decrypted"):
            cipher.decrypt(raw[1:13], raw[13:])

    run(test)


def test_what_somebody_put_in_a_tokens_place_is_not_used(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            async with worker(tmp_path, CLIENT_CREDENTIALS, upstream, redis_url=empty.url) as caller:
                assert await caller.text("look") == TAKEN
            with empty.client() as client:
                (key,) = client.keys("tm:default:rest-token:*")
                for planted in (b"", b"x", b"1" + b"y" * 80, b"z" * 600_000):
                    client.set(key, planted)
                    async with worker(tmp_path, CLIENT_CREDENTIALS, upstream, redis_url=empty.url) as caller:
                        assert await caller.text("look") == TAKEN
            assert len(server.given) == 5

    run(test)

"""Tokens that the workers of a group share through a real broker: got once, readable by nobody else."""

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import pytest

from shared import rest_keys
from shared.line import RedisLine
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
    dadl,
    everything_in,
    forget,
    forms_of,
    serving,
    worker,
    workers,
)
from workers.backends.rest.auth.grants import AccessToken
from workers.backends.rest.auth.sharing import SharedValue


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


def test_a_key_of_the_group_that_is_replaced_loses_no_token(empty: Broker) -> None:
    """What an older key wrote is read as long as that key is in the ring, and written anew under the first."""
    keys = {name: base64.b64encode(name.encode() * 16).decode() for name in ("k1", "k2")}
    rings = {
        "old": parse_key_ring(f"default:k1:{keys['k1']}"),
        "both": parse_key_ring(f"default:k2:{keys['k2']},default:k1:{keys['k1']}"),
        "new": parse_key_ring(f"default:k2:{keys['k2']}"),
    }

    async def test() -> None:
        line = RedisLine(empty.url, pending_max=100, timeout_s=2.0)
        await line.open()
        values = {
            name: SharedValue(line, ring, "default", AccessToken, rest_keys.rotated_token, ("a", "b"))
            for name, ring in rings.items()
        }
        await values["old"].write(AccessToken(token="one"), 60.0)
        assert await values["new"].read() is None
        found = await values["both"].read()
        assert found is not None
        assert found[0].token == "one"
        assert 50 < found[1] <= 60
        await values["both"].write(AccessToken(token="two"), 60.0)
        # A worker that still signs with the old key must not find what was before.
        assert await values["old"].read() is None
        found = await values["new"].read()
        assert found is not None
        assert found[0].token == "two"
        await line.close()

    run(test)


def test_a_token_goes_on_when_the_file_changes_and_its_auth_does_not(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        how: dict[str, Any] = {"settings": {"dadl_poll_s": 0.05}}
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream, **how) as caller:
            file = tmp_path / "dadl" / "wx.dadl"
            assert await caller.text("look") == TAKEN
            more = CLIENT_CREDENTIALS.replace("}", ", scopes: [more]}")
            for text, auth, given in (("A longer look", CLIENT_CREDENTIALS, 1), ("A last look", more, 2)):
                file.write_text(dadl(auth, upstream).replace("A look", text))
                await asyncio.wait_for(caller.changes.wait(), 20)
                caller.changes.clear()
                await caller.offer()
                assert await caller.text("look") == TAKEN
                assert len(server.given) == given

    run(test)

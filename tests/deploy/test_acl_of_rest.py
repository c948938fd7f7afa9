"""The broker's users, where workers share tokens of REST APIs: those of a group do, and nobody else."""

import asyncio
from pathlib import Path

import pytest
import redis

from shared import rest_keys
from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from shared.mesh_keys import parse_key_ring
from tests.deploy.prepared import DENIED, connect, url_of
from tests.mesh import Broker, mesh_keys
from tests.upstreams.started import run
from workers.backends.rest.auth.grants import AccessToken
from workers.backends.rest.auth.sharing import SharedValue, Turn

TURN = rest_keys.token_turn("default", "digest")


async def line_of(broker: tuple[Broker, Path], user: str) -> RedisLine:
    line = RedisLine(url_of(broker, user), pending_max=100, timeout_s=2.0)
    await line.open()
    return line


def value(line: RedisLine) -> SharedValue[AccessToken]:
    return SharedValue(line, parse_key_ring(mesh_keys()), "default", AccessToken, rest_keys.upstream_token, ("a",))


def test_workers_of_a_group_share_a_token_and_take_turns(broker: tuple[Broker, Path]) -> None:
    async def test() -> None:
        one, other = await line_of(broker, "worker-default"), await line_of(broker, "worker-default")
        await value(one).write(AccessToken(token="shared"), 60.0)
        found = await value(other).read()
        assert found is not None
        assert found[0].token == "shared"
        turn, next_turn = Turn(one, TURN, 60.0), Turn(other, TURN, 60.0)
        assert await turn.take()
        assert not await next_turn.take()
        await next_turn.give_back()  # it is not its own
        assert not await next_turn.take()
        await turn.give_back()
        assert await next_turn.take()
        await next_turn.give_back()
        await one.close()
        await other.close()

    run(test)


@pytest.mark.parametrize("user", ["edge", "worker-internal"])
def test_nobody_else_reaches_it(user: str, broker: tuple[Broker, Path]) -> None:
    async def test() -> None:
        line = await line_of(broker, user)
        with pytest.raises(BrokerUnavailable, match="`toolmesh secrets`"):
            await value(line).read()
        with pytest.raises(BrokerUnavailable, match="`toolmesh secrets`"):
            await value(line).write(AccessToken(token="planted"), 60.0)
        with pytest.raises(BrokerUnavailable):
            await Turn(line, TURN, 60.0).take()
        await line.close()

    run(test)
    keys = [rest_keys.upstream_token("default", "d"), rest_keys.rotated_token("default", "d"), TURN]
    with connect(broker, user) as client:
        for key in keys:
            with pytest.raises(redis.ResponseError, match=DENIED):
                client.delete(key)
            with pytest.raises(redis.ResponseError, match=DENIED):
                client.pexpire(key, 0)


def test_the_keys_of_a_backend_are_its_groups_whatever_it_is_called() -> None:
    """No name of a backend stands in them: `catalogue` would make it a key that edges read."""
    for key in (rest_keys.upstream_token, rest_keys.rotated_token, rest_keys.token_turn):
        assert key("default", "digest").count(":") == 3


def test_a_turn_ends_by_itself(broker: tuple[Broker, Path]) -> None:
    async def test() -> None:
        line = await line_of(broker, "worker-default")
        assert await Turn(line, TURN, 0.05).take()
        following = Turn(line, TURN, 60.0)
        async with asyncio.timeout(10):
            while not await following.take():
                await asyncio.sleep(0.01)
        await following.give_back()
        await line.close()

    run(test)

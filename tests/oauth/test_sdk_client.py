"""The SDK's OAuth client at two edges that take turns: it finds out by itself all that it needs, and stays connected."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client as SdkClient
from mcp.shared.auth import OAuthToken

from tests.e2e.upstream import upstream
from tests.mesh import wait_until
from tests.oauth.front import Front, front
from tests.oauth.person import Person
from tests.oauth.sdk_client import Visitor
from tests.oauth.traces import assert_in_no_log

READ, BOTH = "tools:read offline_access", "tools:read tools:write offline_access"


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Clients are told to ask for as little as there is. Access tokens live for nearly a second longer than they say: a
    client that finds one expired by its own clock refreshes it, and one that a server refuses it does not."""
    directory = tmp_path_factory.mktemp("turns")
    with (
        upstream(directory) as up,
        front(
            directory,
            "backends:\n" + up.entry(),
            TOOLMESH_ACCESS_TOKEN_S="4.9",
            TOOLMESH_CHALLENGE_SCOPES="tools:read",
        ) as found,
    ):
        for edge in (found.house.a, found.house.b):
            found.running.wait_for_tools(edge, "up_echo", "up_touch")
        yield found


@pytest.fixture
def visitor(turns: Front) -> Iterator[Visitor]:
    person = Person(turns.url)
    yield Visitor(f"{turns.url}/mcp", person)
    person.close()


async def echo(client: SdkClient, message: str = "through the mesh") -> None:
    answer = await client.call_tool("up_echo", {"message": message})
    assert answer.content[0].text == message  # type: ignore[union-attr]


async def write(client: SdkClient) -> Any:
    return await client.call_tool("up_touch", {"uri": "note://counter"})


def test_it_discovers_registers_logs_in_calls_steps_up_refreshes_and_logs_in_again_when_revoked(
    turns: Front, visitor: Visitor
) -> None:
    kept = visitor.storage

    async def main() -> None:
        async with visitor.connected() as client:
            # The first request is enough to be sent to log in, for as much as the challenge says.
            await client.list_tools()
            assert [asked["scope"] for asked in visitor.asked] == [READ]
            assert visitor.asked[0]["resource"] == f"{turns.url}/mcp"
            assert kept.tokens[0].scope == READ
            assert kept.client is not None
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert {"up_echo", "up_touch"} <= set(names)
            for number in range(4):
                await echo(client, f"call {number}")
            assert len(visitor.asked) == 1

            # A write needs more: the person is asked again, for both, and not for the password.
            assert not (await write(client)).is_error
            assert set(visitor.asked[-1]["scope"].split()) == set(BOTH.split())
            assert kept.tokens[-1].scope == BOTH
            assert (len(visitor.asked), visitor.passwords) == (2, [303])
            for _ in range(2):
                assert not (await write(client)).is_error

            # The token expires; the client refreshes it, and nobody notices.
            before = kept.tokens[-1]
            await asyncio.to_thread(
                wait_until, lambda: visitor.is_expired() and is_out(turns, before), "it has expired", 10
            )
            await echo(client)
            assert kept.tokens[-1].access_token != before.access_token
            assert kept.tokens[-1].scope == BOTH
            assert len(visitor.asked) == 2

        # The client starts anew with what it has kept, and nobody is asked.
        async with visitor.connected() as client:
            await echo(client)
            assert not (await write(client)).is_error
            assert len(visitor.asked) == 2

            # It is revoked at one of the edges: the next call of the same client has the person asked again.
            await asyncio.to_thread(revoke, turns, visitor)
            await echo(client)
            assert len(visitor.asked) == 3
            assert len({token.access_token for token in kept.tokens}) == len(kept.tokens)

    asyncio.run(main())
    counts = turns.counts()
    assert min(counts) > 0.3 * sum(counts), "both edges had their share of all this"
    secrets = [secret for tokens in kept.tokens for secret in (tokens.access_token, tokens.refresh_token or "")]
    assert_in_no_log(turns.house, *secrets, *(asked["state"] for asked in visitor.asked))


def revoke(turns: Front, visitor: Visitor) -> None:
    """As the client itself would, at the second edge."""
    kept = visitor.storage
    assert kept.client is not None
    who = kept.client.client_id or "", kept.client.client_secret or ""
    assert kept.client.token_endpoint_auth_method == "client_secret_basic"
    sent = {"token": kept.tokens[-1].refresh_token}
    answer = httpx2.post(f"{turns.house.b.url}/revoke", data=sent, auth=who, trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text


def test_a_client_of_the_2025_era_is_told_in_the_result_what_its_token_lacks(turns: Front, visitor: Visitor) -> None:
    async def main() -> None:
        async with visitor.connected("legacy") as client:
            await echo(client)
            refused = await write(client)
            assert refused.is_error
            said = refused.meta["mcp/www_authenticate"]
            assert 'error="insufficient_scope"' in said[0]
            assert 'scope="tools:read tools:write offline_access"' in said[0]
            await echo(client)
            assert len(visitor.asked) == 1

    asyncio.run(main())


def test_a_user_who_is_taken_out_has_no_way_back(turns: Front, visitor: Visitor) -> None:
    """Neither the token nor refreshing it helps, and at our pages the password does not count any more."""
    users = turns.running.config / "users.yaml"
    before = users.read_text()

    async def main() -> None:
        async with visitor.connected() as client:
            await echo(client)
            users.write_text(before.replace("username: ada,", "username: ada, disabled: true,"))
            await asyncio.to_thread(
                wait_until, lambda: is_out(turns, visitor.storage.tokens[-1]), "ada is out at both edges"
            )
            await echo(client)

    try:
        with pytest.raises(BaseExceptionGroup):
            asyncio.run(main())
    finally:
        users.write_text(before)
    assert (len(visitor.asked), visitor.passwords) == (2, [303, 401])


def is_out(turns: Front, token: OAuthToken) -> bool:
    """Whether both edges refuse a token."""
    answers = [turns.house.bearer(token.access_token, edge) for edge in (0, 1)]
    try:
        return all(a.post(a.body("tools/list"), a.headers("tools/list")).status_code == 401 for a in answers)
    finally:
        for client in answers:
            client.close()

"""OAuth2: access tokens that workers get for themselves, against a real token endpoint."""

import asyncio
from pathlib import Path

import pytest

from tests.upstreams.recorder import json_reply
from tests.upstreams.started import run
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, EMAIL, TokenServer, service_account
from tests.workers.rest.tokens import CLIENT_CREDENTIALS, REFRESH, TAKEN, serving, worker


def test_a_client_gets_a_token_once_and_uses_it_for_all_calls(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            texts = await asyncio.gather(*(caller.text("look") for _ in range(20)))
            assert set(texts) == {TAKEN}
            assert server.asked == [
                {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            ]

    run(test)


def test_a_client_says_who_it_is_by_http_basic_where_the_file_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        auth = CLIENT_CREDENTIALS.replace("}", ", token_auth: basic, scopes: [read, 'write:all']}")
        async with serving(server) as upstream, worker(tmp_path, auth, upstream) as caller:
            assert await caller.text("look") == TAKEN
            assert server.forms == ["basic"]
            assert server.asked == [{"grant_type": "client_credentials", "scope": "read write:all"}]

    run(test)


def test_a_refresh_token_is_sent_without_scopes(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(rotates=False)
        auth = REFRESH.replace("}", ", scopes: [read]}")
        async with serving(server) as upstream, worker(tmp_path, auth, upstream) as caller:
            assert await caller.text("look") == TAKEN
            assert server.asked[0].keys() == {"grant_type", "client_id", "client_secret", "refresh_token"}

    run(test)


def test_of_an_authorization_code_the_refresh_token_is_used(tmp_path: Path) -> None:
    """A person's consent is given elsewhere."""

    async def test() -> None:
        server = TokenServer(rotates=False)
        flow = "flow: authorization_code, authorize_url: 'https://login.example.org/authorize'"
        auth = REFRESH.replace("flow: refresh_token", flow)
        async with serving(server) as upstream, worker(tmp_path, auth, upstream) as caller:
            assert await caller.text("look") == TAKEN
            assert server.asked[0]["grant_type"] == "refresh_token"

    run(test)


def test_a_service_account_signs_who_asks_for_what_and_where(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            robot = "flow: jwt_bearer, service_account_credential: robot"
            auth = f"{{type: oauth2, {robot}, scopes: [a, b], subject: ada@x.example}}"
            key = service_account(token_uri=f"{upstream.url}/token")
            async with worker(tmp_path, auth, upstream, environment={"CREDENTIAL_ROBOT": key}) as caller:
                assert await caller.text("look") == TAKEN
            (claims,) = server.claims
            assert claims["header"] == {"alg": "RS256", "typ": "JWT", "kid": "k-1"}
            assert claims["aud"] == f"{upstream.url}/token"
            assert (claims["iss"], claims["scope"], claims["sub"]) == (EMAIL, "a b", "ada@x.example")
            assert server.asked[0].keys() == {"grant_type", "assertion"}

    run(test)


def test_the_files_token_url_is_the_audience_where_there_is_one(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            auth = "{type: oauth2, flow: jwt_bearer, service_account_credential: robot, token_url: URL/token}"
            key = service_account(token_uri="https://elsewhere.example/token")
            async with worker(tmp_path, auth, upstream, environment={"CREDENTIAL_ROBOT": key}) as caller:
                assert await caller.text("look") == TAKEN
            assert server.claims[0]["aud"] == f"{upstream.url}/token"
            assert "scope" not in server.claims[0]
            assert "sub" not in server.claims[0]

    run(test)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("not-json-canary", "is no key of a service account"),
        ('{"client_email": "canary"}', "is no key of a service account"),
        (service_account(private_key="canary", token_uri="https://127.0.0.1:1"), "no RSA key in PEM"),
        (service_account(token_uri="file:///etc/canary"), "has no `token_uri`"),
        (service_account(token_uri="javascript:canary"), "has no `token_uri`"),
    ],
    ids=["no json", "half", "no pem", "file", "javascript"],
)
def test_a_key_that_can_not_be_used_is_named_by_its_variable(key: str, why: str, tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        auth = "{type: oauth2, flow: jwt_bearer, service_account_credential: robot}"
        async with serving(server) as upstream:
            async with worker(tmp_path, auth, upstream, environment={"CREDENTIAL_ROBOT": key}) as caller:
                text = await caller.text("look")
            assert text.startswith("[unauthorized] The variable CREDENTIAL_ROBOT of the workers ")
            assert why in text
            assert "canary" not in text
            assert upstream.requests == []

    run(test)


def test_a_token_that_the_api_does_not_take_is_replaced_and_the_request_sent_again(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            await caller.text("look")
            server.good.clear()
            texts = await asyncio.gather(*(caller.text("look") for _ in range(5)))
            assert set(texts) == {TAKEN}
            assert len(server.given) == 2

    run(test)


def test_an_api_that_takes_no_token_at_all_does_not_have_one_got_for_each_call(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(api_says=lambda request: json_reply({}, 401))
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            for _ in range(4):
                assert "HTTP 401" in await caller.text("look")
            assert len(server.given) == 2

    run(test)


def test_a_token_is_replaced_before_it_ends(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(life_s=30.2)
        auth = CLIENT_CREDENTIALS.replace("}", ", refresh_before_expiry: 30s}")
        async with serving(server) as upstream, worker(tmp_path, auth, upstream) as caller:
            # Half of its life is the most that is given away.
            await caller.text("look")
            await caller.text("look")
            assert len(server.given) == 1
            server.life_s = 0.1
            server.good.clear()
            await caller.text("look")
            async with asyncio.timeout(10):
                while len(server.given) < 4:
                    assert await caller.text("look") == TAKEN

    run(test)


@pytest.mark.parametrize("life_s", [None, -1, 0, 10**400], ids=["absent", "negative", "none", "huge"])
def test_a_token_of_which_nothing_is_said_is_good_for_an_hour(life_s: float | None, tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(life_s=life_s)
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            await caller.text("look")
            await caller.text("look")
            assert len(server.given) == 1

    run(test)

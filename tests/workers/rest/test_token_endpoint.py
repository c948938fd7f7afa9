"""A token endpoint that refuses, lies, hangs, or must not be asked."""

import asyncio
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest

from shared.errors import EgressDenied, UpstreamUnreachable
from tests.certificates import Authority
from tests.upstreams.recorder import Reply, Writes, json_reply, recording
from tests.upstreams.started import run
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, TokenServer
from tests.workers.rest.tokens import CLIENT_CREDENTIALS, QUICK, TAKEN, forms_of, serving, worker


def shows_no_secret(text: str) -> None:
    """Of a log, or a traceback."""
    for secret in (CLIENT_ID, CLIENT_SECRET):
        assert not [form for form in forms_of(secret) if form in text.encode()]


REFUSALS: dict[str, tuple[Reply | bytes, str]] = {
    "invalid_client": (
        json_reply({"error": "invalid_client", "error_description": CLIENT_SECRET}, 401),
        "[unauthorized] The token endpoint of backend 'wx' answers `invalid_client`. It does not know this client",
    ),
    "error with status 200": (json_reply({"error": "bad_verification_code"}), "`bad_verification_code`"),
    "error that is what was sent": (json_reply({"error": "secret_canary", "access_token": "x"}, 400), "`secret_canary`"),
    "redirect": (
        Reply(307, headers={"Location": "http://127.0.0.1:1/" + CLIENT_ID}),
        "redirects, which is not followed with credentials",
    ),
    "no json": (Reply(404, b"<p>" + CLIENT_SECRET.encode()), "HTTP 404 without an OAuth error"),
    "no token": (json_reply({"hello": CLIENT_SECRET}), "gives no access token"),
    "token of two lines": (json_reply({"access_token": "a\r\nX: y", "token_type": "bearer"}), "gives no access token"),
    "token that is a number": (json_reply({"access_token": 7}), "gives no access token"),
    "another type": (json_reply({"access_token": "a", "token_type": "mac"}), "not of type Bearer"),
    "deep": (Reply(200, b"[" * 30_000), "gives no access token"),
    "list": (Reply(200, b"[]"), "gives no access token"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_token_is_told_without_a_secret(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    answer, said = REFUSALS[name]

    async def test() -> None:
        server = TokenServer(token_says=lambda request: answer)
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            text = await caller.text("look")
            assert text.startswith("[unauthorized] The token endpoint of backend 'wx' ")
            assert said in text
            assert CLIENT_SECRET not in text
            assert [request.path for request in upstream.requests] == ["/token"]
            # It is not asked again at once: a wrong secret, tried often, locks some accounts.
            assert await caller.text("look") == text
            assert len(server.asked) == 1

    run(test)
    shows_no_secret("".join(capfd.readouterr()))


async def hang(writer: asyncio.StreamWriter) -> None:
    """Answer nothing."""
    await asyncio.Event().wait()


AWAY: dict[str, tuple[Reply | bytes | Writes, str]] = {
    "hang": (hang, "does not answer within 1 s"),
    "huge": (Reply(200, b"x" * 70_000), "answers with more than 65536 bytes"),
    "broken": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "breaks off"),
    "no http": (b"\x00\x01\r\n\r\n", "does not speak HTTP"),
    "unavailable": (Reply(503), "answers HTTP 503"),
    "too many requests": (Reply(429), "answers HTTP 429"),
}


@pytest.mark.parametrize("name", AWAY)
def test_an_endpoint_that_can_not_be_asked_is_certain_to_have_done_nothing(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer, said = AWAY[name]

    async def test() -> None:
        server = TokenServer(token_says=lambda request: answer)
        how: dict[str, Any] = {"settings": QUICK}
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream, **how) as caller:
            with pytest.raises(UpstreamUnreachable) as refused:
                await caller.text("look")
            assert said in refused.value.detail
            assert "Nothing was sent to its API" in refused.value.detail
            assert {request.path for request in upstream.requests} == {"/token"}
            shows_no_secret("".join(traceback.format_exception(refused.value)))
            # As soon as it answers, there is a token.
            server.token_says = lambda request: None
            assert await caller.text("look") == TAKEN

    run(test)
    shows_no_secret("".join(capfd.readouterr()))


def test_a_worker_that_stops_does_not_wait_for_an_endpoint_that_says_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        server = TokenServer(token_says=lambda request: hang)
        async with serving(server) as upstream, worker(tmp_path, CLIENT_CREDENTIALS, upstream) as caller:
            call = asyncio.create_task(caller.text("look"))
            async with asyncio.timeout(10):
                while not server.asked:
                    await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        # What is left would fail `run`, which looks for tasks.

    run(test)


def test_an_endpoint_that_takes_no_connections_is_told_of(tmp_path: Path) -> None:
    async def test() -> None:
        auth = CLIENT_CREDENTIALS.replace("URL/", "http://127.0.0.1:1/")
        async with serving(TokenServer()) as upstream, worker(tmp_path, auth, upstream) as caller:
            with pytest.raises(UpstreamUnreachable, match="The token endpoint of backend 'wx' can't be reached"):
                await caller.text("look")
            assert upstream.requests == []

    run(test)


@pytest.mark.parametrize(
    ("token_url", "entry", "sent"),
    [
        ("http://login.example.org/token", {}, False),
        ("http://93.184.216.34/token", {}, False),
        ("http://localhost.example.org/token", {}, False),
        ("http://localhost:PORT/token", {}, True),
        ("http://127.0.0.1:PORT/token", {}, True),
        ("http://[::ffff:7f00:1]:PORT/token", {}, True),
        ("http://10.255.255.1/token", {"allow_private_url": False}, False),
    ],
)
def test_no_secret_goes_without_encryption_to_a_host_that_is_not_known_to_be_ours(
    token_url: str, entry: dict[str, Any], sent: bool, tmp_path: Path
) -> None:
    async def test() -> None:
        server = TokenServer()
        async with serving(server) as upstream:
            auth = CLIENT_CREDENTIALS.replace("URL/token", f"'{token_url.replace('PORT', str(upstream.port))}'")
            async with worker(tmp_path, auth, upstream, **entry) as caller:
                if entry:
                    with pytest.raises(EgressDenied):
                        await caller.text("look")
                else:
                    assert (await caller.text("look") == TAKEN) == sent
            assert bool(upstream.requests) == sent

    run(test)


def test_a_name_of_ones_own_network_may_be_listed(tmp_path: Path) -> None:
    async def test() -> None:
        auth = CLIENT_CREDENTIALS.replace("URL/token", "'http://login.invalid/token'")
        async with serving(TokenServer()) as upstream:
            async with worker(tmp_path, auth, upstream) as caller:
                assert "has a URL without encryption" in await caller.text("look")
            async with worker(tmp_path, auth, upstream, private_hosts=["login.invalid"]) as caller:
                # There is no such name; it is looked up, though.
                with pytest.raises(UpstreamUnreachable):
                    await caller.text("look")

    run(test)


def test_an_endpoint_elsewhere_is_verified_though_the_apis_certificate_is_not(tmp_path: Path) -> None:
    """`tls_skip_verify` is for the backend's own URL."""
    authority = Authority(tmp_path)

    async def test() -> None:
        server = TokenServer()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.issue("server"))
        async with recording(server.answers, tls) as own, recording(server.answers, tls) as elsewhere:
            (tmp_path / "own").mkdir()
            async with worker(tmp_path / "own", CLIENT_CREDENTIALS, own, tls_skip_verify=True) as caller:
                assert await caller.text("look") == TAKEN
            auth = CLIENT_CREDENTIALS.replace("URL/", f"{elsewhere.url}/")
            async with worker(tmp_path, auth, own, tls_skip_verify=True) as caller:
                with pytest.raises(UpstreamUnreachable):
                    await caller.text("look")
            assert elsewhere.requests == []

    run(test)

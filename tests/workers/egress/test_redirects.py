"""Redirects, where a caller follows them: each one looked at, and credentials stay with who they are for."""

import asyncio
import re
from collections.abc import Callable

import pytest
import yarl

from shared.errors import MeshError, UpstreamBadResponse
from tests.upstreams.started import run
from tests.workers.egress.peer import Names, Peer, Say, egress, get, serving, whole
from workers.egress.outgoing import Outgoing
from workers.egress.redirects import RedirectDenied, RedirectRefused, next_request

SECRETS = {"Authorization": "Bearer canary", "Cookie": "s=canary", "X-Api-Key": "canary"}
SENT = Outgoing(
    method="POST",
    url=yarl.URL("https://a.example/x?api_key=canary&q=1"),
    headers={**SECRETS, "Accept": "text/plain", "Content-Type": "text/plain"},
    body=b"body",
    secret_headers=frozenset({"x-api-key"}),
    secret_query=frozenset({"api_key"}),
)


def following(status: int, location: str, method: str = "POST", url: yarl.URL = SENT.url) -> Outgoing:
    sent = Outgoing(
        method=method,
        url=url,
        headers=SENT.headers,
        body=SENT.body if method not in ("GET", "HEAD") else None,
        secret_headers=SENT.secret_headers,
        secret_query=SENT.secret_query,
    )
    found = next_request(sent, status, location)
    assert found is not None
    return found


def test_a_request_does_not_show_its_credentials() -> None:
    assert "canary" not in repr(SENT)


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 309, 404])
def test_other_answers_are_answers(status: int) -> None:
    assert next_request(SENT, status, "https://a.example/y") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_that_leads_nowhere_is_an_answer(status: int) -> None:
    assert next_request(SENT, status, None) is None


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (301, "GET", "GET"),
        (303, "GET", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "GET", "GET"),
        (308, "PUT", "PUT"),
    ],
)
def test_the_method_is_what_rfc_9110_says(status: int, method: str, becomes: str) -> None:
    found = following(status, "/y", method)
    assert found.method == becomes
    keeps = becomes == method and method not in ("GET", "HEAD")
    assert found.body == (b"body" if keeps else None)
    if status == 303 or becomes != method:
        assert "Content-Type" not in found.headers


@pytest.mark.parametrize(
    "location", ["/y", "y", "?z=1", "//a.example/y", "https://a.example:443/y", "HTTPS://A.EXAMPLE/y", ""]
)
def test_to_the_same_origin_credentials_go_along(location: str) -> None:
    found = following(307, location)
    assert found.headers == SENT.headers
    assert not found.strange


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("https://b.example/y", SENT.url),
        ("https://a.example:444/y", SENT.url),
        ("https://www.a.example/y", SENT.url),
        ("//b.example/y", SENT.url),
        ("https://a.example./y", SENT.url),
        ("https://a.example/y", yarl.URL("http://a.example/x")),
    ],
)
def test_to_another_origin_no_credential_goes_along(location: str, base: yarl.URL) -> None:
    found = following(307, location, url=base)
    assert "canary" not in str(found.headers)
    assert found.headers["Accept"] == "text/plain"
    assert found.strange
    home = next_request(found, 307, str(SENT.url.with_path("/home")))
    assert home is not None
    assert "canary" not in str(home.headers), "what stayed behind does not come back"
    assert home.strange


def test_what_the_upstream_copied_of_our_query_stays_behind_too() -> None:
    assert "canary" not in str(following(307, "https://b.example/y?api_key=canary&q=1").url)
    assert following(307, "https://b.example/y?api_key=canary&q=1").url.query["q"] == "1"
    assert "canary" in str(following(307, "/y?api_key=canary").url)


@pytest.mark.parametrize(
    "location",
    [
        "http://a.example/y",
        "http://b.example/y",
        "ftp://a.example/y",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https://user:pw@b.example/",
        "https://user@a.example/",
        "https://[::1",
        "https://a.example:99999/",
        "https://ä.example/",
        "https://a.example/" + "y" * 9000,
    ],
)
def test_what_is_not_followed_is_said(location: str) -> None:
    with pytest.raises(RedirectRefused):
        next_request(SENT, 307, location)


def to(location: Callable[[], str], status: int = 302) -> Say:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = f"HTTP/1.1 {status} Go\r\nLocation: {location()}\r\nContent-Length: 0\r\n\r\n"
        writer.write(whole_or(answer, request))

    return say


def whole_or(answer: str, request: bytes) -> bytes:
    found = re.match(rb"[A-Z]+ /end", request)
    return b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend" if found else answer.encode()


def test_redirects_are_followed_as_often_as_the_caller_says() -> None:
    async def test() -> None:
        async with serving(to(lambda: "/end")) as peer, egress() as opened:
            response = await opened.follow(get(peer.url(path="/begin")), 1)
            assert await response.read() == b"end"
            response = await opened.follow(get(peer.url(path="/end")), 0)
            assert await response.read() == b"end"
            with pytest.raises(RedirectRefused, match="more than 0"):
                await opened.follow(get(peer.url(path="/begin")), 0)
        async with serving(to(lambda: "/again")) as loop, egress() as opened:
            with pytest.raises(RedirectRefused, match="more than 5"):
                await opened.follow(get(loop.url()), 5)
            assert len(loop.requests) == 6

    run(test)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.1", "2130706433", "inner.example", "localhost"])
def test_a_redirect_to_an_address_that_is_not_public_is_refused(host: str) -> None:
    async def test() -> None:
        async with serving(whole(b"secret")) as inner:
            location = inner.url(host)
            names = Names(**{"inner.example": [["10.0.0.7"]], "localhost": [["127.0.0.1"]], "up.example": [["127.0.0.1"]]})
            async with serving(to(lambda: location)) as peer, egress(names) as opened:
                with pytest.raises(RedirectDenied) as raised:
                    await opened.follow(get(peer.url("up.example"), "POST", body=b"x"), 5)
                assert isinstance(raised.value, UpstreamBadResponse), "of a write nobody knows what became"
                assert raised.value.code == "egress_denied"
            assert inner.connections == 0

    run(test)


def test_a_redirect_to_what_is_listed_is_followed_without_credentials() -> None:
    async def test() -> None:
        peers: list[Peer] = []
        names = Names(up_example=[["127.0.0.1"]], files_example=[["127.0.0.1"]])
        async with (
            serving(to(lambda: peers[0].url("files.example"), 307)) as peer,
            serving(whole(b"file")) as files,
            egress(names, private_hosts=["files.example"]) as opened,
        ):
            peers.append(files)
            request = get(peer.url("up.example"), headers=SECRETS, secret_headers=frozenset({"x-api-key"}))
            response = await opened.follow(request, 3)
            assert await response.read() == b"file"
            assert (b"canary" in peer.requests[0], b"canary" in files.requests[0]) == (True, False)

    run(test)


def test_a_redirect_to_nobody_does_not_count_as_not_sent() -> None:
    async def test() -> None:
        names = Names(up_example=[["127.0.0.1"]], gone_example=[[]])
        async with serving(to(lambda: "http://gone.example/")) as peer, egress(names) as opened:
            with pytest.raises(MeshError) as raised:
                await opened.follow(get(peer.url("up.example"), "POST"), 3)
            assert raised.value.code == "upstream_bad_response"

    run(test)

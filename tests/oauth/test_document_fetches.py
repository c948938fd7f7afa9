"""What a URL that a stranger wrote makes an edge do: connect to public addresses alone, for a moment, and take little."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from edge.oauth.guarded_http import GuardedHttp, NotFetched
from shared.settings import Settings
from tests.oauth.documents import Documents, documents_host

BYTES_MAX = 10 * 1024
ENOUGH_S = 10
"""A fetch that goes on for longer is not refused in time."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """A host of documents that this process trusts."""
    with documents_host(tmp_path_factory.mktemp("documents")) as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


def settings_for(host: Documents, **more: Any) -> Settings:
    return Settings(client_document_private_hosts=(host.host,), **more)


def fetch(http: GuardedHttp, url: str) -> bytes:
    async def get() -> bytes:
        async with asyncio.timeout(ENOUGH_S):
            return (await http.get_json(url, bytes_max=BYTES_MAX)).body

    return asyncio.run(get())


def why_not(http: GuardedHttp, url: str) -> str:
    with pytest.raises(NotFetched) as refused:
        fetch(http, url)
    return str(refused.value)


@contextmanager
def listener(address: str, port: int = 0) -> Iterator[socket.socket]:
    """Somebody who would see a connection."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.create_server((address, port), family=family)) as listening:
        listening.setblocking(False)
        yield listening


def nobody_came(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return True
    return False


class Resolver:
    """Answers each time with the next addresses, the last ones for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, name: str, port: int) -> list[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


# Where it may lead.


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["10.0.0.5"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["0.0.0.0"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "2606:4700:4700::1111"],
        [],
    ],
    ids=lambda addresses: ",".join(addresses) or "none",
)
def test_a_name_with_an_address_that_is_not_public_is_connected_to_nowhere(addresses: list[str]) -> None:
    with listener("127.0.0.1") as listening:
        url = f"https://evil.example:{listening.getsockname()[1]}/client.json"
        assert "not public" in why_not(GuardedHttp(Settings(), Resolver(addresses)), url)
        assert nobody_came(listening)


def test_a_name_is_looked_up_once_and_what_it_means_a_moment_later_is_not_asked() -> None:
    """DNS rebinding: the address that was looked at is the one that is connected to."""
    with listener("127.0.0.2") as looked_at:
        port = looked_at.getsockname()[1]
        with listener("127.0.0.1", port) as rebound:
            resolver = Resolver(["127.0.0.2"], ["127.0.0.1"])
            settings = Settings(client_document_private_hosts=("flips.example",), client_document_s=0.3)
            why_not(GuardedHttp(settings, resolver), f"https://flips.example:{port}/client.json")
            assert resolver.asked == 1
            assert not nobody_came(looked_at)
            assert nobody_came(rebound)


def test_a_name_that_became_private_is_refused_although_it_was_let_pass_before(host: Documents) -> None:
    url = host.put("/flips", {})
    http = GuardedHttp(settings_for(host), Resolver(["127.0.0.1"]))
    assert fetch(http, url) == b"{}"
    before = host.connections
    strict = GuardedHttp(Settings(), Resolver(["127.0.0.1"]))
    assert "not public" in why_not(strict, url)
    assert host.connections == before


def test_no_connection_is_kept_for_the_next_fetch(host: Documents) -> None:
    url = host.put("/again", {})
    before = host.connections

    async def twice() -> None:
        http = GuardedHttp(settings_for(host))
        for _ in range(2):
            await http.get_json(url, bytes_max=BYTES_MAX)

    asyncio.run(twice())
    assert host.connections == before + 2


def test_of_several_addresses_the_one_that_answers_is_used(host: Documents) -> None:
    url = host.put("/second", {})
    assert fetch(GuardedHttp(settings_for(host), Resolver(["127.0.0.9", "127.0.0.1"])), url) == b"{}"


def test_a_certificate_of_another_name_or_of_a_stranger_is_not_believed(
    host: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = host.put("/tls", {})
    other = GuardedHttp(Settings(client_document_private_hosts=("other.example",)), Resolver(["127.0.0.1"]))
    assert "connection failed" in why_not(other, url.replace("localhost", "other.example"))
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "connection failed" in why_not(GuardedHttp(settings_for(host)), url)
    assert host.times("/tls") == 0


# What may come.


@contextmanager
def until_gone(gone: threading.Event) -> Iterator[None]:
    """Writes until the other side hangs up."""
    try:
        yield
    except OSError:
        gone.set()


def trickle(handler: BaseHTTPRequestHandler, gone: threading.Event) -> None:
    """One byte now and then, for ever; `gone` when the other side has had enough."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    with until_gone(gone):
        while not gone.wait(0.05):
            handler.wfile.write(b" ")


def test_an_answer_that_comes_byte_by_byte_is_given_up(host: Documents) -> None:
    gone = threading.Event()
    url = host.answer("/trickle", lambda handler: trickle(handler, gone))
    assert "within 0.3 s" in why_not(GuardedHttp(settings_for(host, client_document_s=0.3)), url)
    assert gone.wait(ENOUGH_S)


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with listener("127.0.0.1") as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(client_document_private_hosts=(where,), client_document_s=0.3)
        assert "within 0.3 s" in why_not(GuardedHttp(settings), f"https://{where}/client.json")


def test_a_stream_without_end_is_cut_at_the_limit(host: Documents) -> None:
    gone = threading.Event()
    sent = 0

    def pour(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        with until_gone(gone):
            while sent < 1 << 30:
                handler.wfile.write(b" " * 4096)
                sent += 4096

    assert f"more than {BYTES_MAX} bytes" in why_not(GuardedHttp(settings_for(host)), host.answer("/pour", pour))
    assert gone.wait(ENOUGH_S)
    assert sent < 64 << 20, "what was written beside the limit lay in the buffers of the connection"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": b" " * BYTES_MAX + b"{}"}, f"more than {BYTES_MAX} bytes"),
        ({"body": gzip.compress(b" " * 10_000_000), "headers": {"content-encoding": "gzip"}}, "compressed"),
        ({"body": b"{}", "headers": {"content-type": "text/html"}}, "not of type"),
        ({"body": b"{}", "headers": {"content-type": ""}}, "not of type"),
        ({"body": b"", "status": 302, "headers": {"location": "/target"}}, "status 302"),
        ({"body": b"{}", "status": 203}, "status 203"),
        ({"body": b"{}", "status": 404}, "status 404"),
        ({"body": b"{}", "status": 500}, "status 500"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_a_short_plain_json_answer_is_taken(host: Documents, answer: dict[str, Any], reason: str) -> None:
    host.put("/target", {})
    assert reason in why_not(GuardedHttp(settings_for(host)), host.put("/odd", **answer))
    assert host.times("/target") == 0


def test_an_answer_of_just_the_limit_is_taken(host: Documents) -> None:
    url = host.put("/full", b"{}".ljust(BYTES_MAX), headers={"content-type": "application/cimd+json; charset=utf-8"})
    assert len(fetch(GuardedHttp(settings_for(host)), url)) == BYTES_MAX

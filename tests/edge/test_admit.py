"""admit: what is refused before a byte of the body is looked at."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from edge.admit import Gate, accepted, read_headers
from edge.problems import Refusal
from shared.settings import Settings

PORT = 8123
RIGHT = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def gate(public_url: str = f"http://127.0.0.1:{PORT}", port: int = PORT, **fields: Any) -> Gate:
    return Gate(Settings(**fields), public_url, port)


def refusal(check: Any, *arguments: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        check(*arguments)
    return refused.value


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123", "mesh.example", "mesh.example:444"]
)
def test_the_hosts_that_this_edge_is_are_let_in(host: str) -> None:
    gate(allowed_hosts=("Mesh.Example", "mesh.example:444")).knock({"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:8124",
        "127.0.0.1:08123",
        "127.0.0.1:8123.evil.example",
        "127.0.0.1:8123@evil.example",
        "evil.example:8123",
        "localhost.:8123",
        "localhost:8123, evil.example",
        "127.1:8123",
        "0.0.0.0:8123",
        "",
    ],
)
def test_any_other_host_is_misdirected(host: str) -> None:
    refused = refusal(gate().knock, {"host": host})
    assert (refused.http_status, refused.rpc_code, refused.code) == (421, -32600, "bad_host")


def test_a_request_without_a_host_is_misdirected() -> None:
    assert refusal(gate().knock, {}).http_status == 421


def test_loopback_names_are_hosts_only_of_a_loopback_or_wildcard_bind() -> None:
    public = gate("https://mesh.example", host="192.0.2.7")
    public.knock({"host": "mesh.example"})
    assert refusal(public.knock, {"host": f"localhost:{PORT}"}).http_status == 421


@pytest.mark.parametrize("origin", ["https://chatgpt.com", "HTTPS://ChatGPT.com", f"http://127.0.0.1:{PORT}", None])
def test_listed_origins_our_own_and_none_at_all_may_call(origin: str | None) -> None:
    headers = {"host": f"localhost:{PORT}"} | ({} if origin is None else {"origin": origin})
    gate(allowed_origins=("https://chatgpt.com/",)).knock(headers)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "https://chatgpt.com.evil.example",
        "http://chatgpt.com",
        "https://chatgpt.com:444",
        "https://evil.chatgpt.com",
        "https://chatgpt.com https://evil.example",
        f"http://localhost.evil.example:{PORT}",
    ],
)
def test_any_other_origin_is_forbidden(origin: str) -> None:
    knocked = gate(allowed_origins=("https://chatgpt.com",)).knock
    refused = refusal(knocked, {"host": f"localhost:{PORT}", "origin": origin})
    assert (refused.http_status, refused.rpc_code, refused.code) == (403, -32600, "bad_origin")


@pytest.mark.parametrize("name", ["host", "content-length", "content-type", "authorization", "origin", "transfer-encoding"])
def test_a_header_that_may_stand_once_is_refused_when_it_stands_twice(name: str) -> None:
    refused = refusal(read_headers, [(name.encode(), b"a"), (b"x", b"y"), (name.encode(), b"a")])
    assert (refused.http_status, refused.rpc_code) == (400, -32600)


def test_other_headers_are_joined_and_bytes_that_are_no_text_are_no_problem() -> None:
    assert read_headers([(b"accept", b"a"), (b"accept", b"b"), (b"x", b"\xff")]) == {"accept": "a, b", "x": "\xff"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "QUERY"])
def test_any_method_but_post_is_not_allowed(method: str) -> None:
    refused = refusal(gate().check_shape, method, RIGHT)
    assert (refused.http_status, refused.rpc_code, refused.headers) == (405, -32600, [(b"allow", b"POST")])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": ""}, 415),
        ({"content-type": "application/jsonx"}, 415),
        ({"content-type": "application/json-rpc"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "multipart/form-data; boundary=application/json"}, 415),
        ({"content-type": "text/plain; application/json"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-type": "application/json; charset=utf-8; charset=latin1"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity, gzip"}, 415),
        ({"accept": ""}, 406),
        ({"accept": "application/json"}, 406),
        ({"accept": "text/event-stream"}, 406),
        ({"accept": "text/html, image/*"}, 406),
        ({"content-length": "4194305"}, 413),
        ({"content-length": "9" * 5000}, 413),
        ({"content-length": "²"}, 413),
        ({"content-length": "-1"}, 413),
    ],
)
def test_a_request_of_another_shape_is_refused(changes: dict[str, str], status: int) -> None:
    refused = refusal(gate().check_shape, "POST", {**RIGHT, **changes})
    assert (refused.http_status, refused.rpc_code) == (status, -32600)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"content-type": "Application/JSON"},
        {"content-type": 'application/json; charset="UTF-8"'},
        {"content-type": "application/json ; v=1"},
        {"content-encoding": "identity"},
        {"accept": "*/*"},
        {"accept": "text/*, application/*"},
        {"accept": "text/event-stream;q=0.9 , application/json"},
        {"content-length": "4194304"},
        {"content-length": "0"},
    ],
)
def test_a_request_of_the_right_shape_passes(changes: dict[str, str]) -> None:
    gate().check_shape("POST", {**RIGHT, **changes})


def test_what_is_accepted_is_told_apart() -> None:
    assert accepted({"accept": "application/json"}) == (True, False)
    assert accepted({"accept": "text/event-stream"}) == (False, True)
    assert accepted({}) == (False, False)


def read(body_bytes_max: int, *messages: MutableMapping[str, Any]) -> bytes:
    left = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        return left.pop(0)

    return asyncio.run(gate(body_bytes_max=body_bytes_max).read_body(receive))


def piece(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_is_put_together_from_its_pieces() -> None:
    assert read(4, piece(b"ab", True), piece(b"", True), piece(b"cd")) == b"abcd"
    assert read(4, {"type": "http.request"}) == b""


def test_a_body_over_the_limit_is_refused_without_waiting_for_its_end() -> None:
    assert refusal(read, 4, piece(b"abc", True), piece(b"de", True)).http_status == 413


def test_a_body_whose_client_goes_away_is_refused() -> None:
    assert refusal(read, 4, piece(b"ab", True), {"type": "http.disconnect"}).http_status == 400

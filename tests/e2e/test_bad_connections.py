"""Bytes that an HTTP client would not write: what two servers could read differently, and bodies that do not come."""

import socket

import pytest

from tests.e2e.target import BODY_BYTES_MAX, OLD_CALL, Target, nothing_enqueued
from tests.mesh import API_KEY, wait_until


def head(*lines: str, path: str = "/mcp", host: str | None = "127.0.0.1:{port}", port: int) -> bytes:
    """A request line and header lines as they stand, authorized."""
    fixed = [
        f"POST {path} HTTP/1.1",
        *([f"Host: {host.format(port=port)}"] if host else []),
        f"Authorization: Bearer {API_KEY}",
        "Accept: application/json, text/event-stream",
        "Connection: close",
    ]
    if not any(line.lower().startswith("content-type") for line in lines):
        fixed.append("Content-Type: application/json")
    return ("\r\n".join([*fixed, *lines]) + "\r\n\r\n").encode()


CL = f"Content-Length: {len(OLD_CALL)}"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([CL, "Host: evil.example"], 400),
        ([CL, "Host: 127.0.0.1:1"], 400),
        ([CL, "Content-Type: application/json", "Content-Type: application/json"], 400),
        ([CL, f"Authorization: Bearer {API_KEY}"], 400),
        ([CL, "Origin: null", "Origin: http://127.0.0.1"], 400),
        ([CL, CL], 400),
        ([CL, "Content-Length: 1"], 400),
        ([CL, CHUNKED], 400),
        (["Content-Length: -1"], 400),
        (["Content-Length: +5"], 400),
        (["Content-Length: 0x5"], 400),
        (["Content-Length: " + "9" * 40], 400),
        (["Content-Length: 99999999999"], 413),
        ([f"Content-Length: {BODY_BYTES_MAX + 1}"], 413),
        (["Transfer-Encoding: chunked, identity"], 400),
        (["Transfer-Encoding: xchunked"], 400),
        ([CL, "No colon in this line"], 400),
        ([CL, "Name with space: x"], 400),
        ([CL, "MCP-Protocol-Version: 2025-11-25", "MCP-Protocol-Version: 2025-06-18"], 400),
    ],
    ids=lambda value: "; ".join(value)[-60:] if isinstance(value, list) else None,
)
def test_a_request_that_two_servers_could_read_differently_is_refused(
    target: Target, lines: list[str], status: int
) -> None:
    with nothing_enqueued(target, None):
        answer = target.raw(head(*lines, port=target.port) + OLD_CALL)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_request_without_a_host_is_misdirected(target: Target) -> None:
    with nothing_enqueued(target, None):
        answer = target.raw(head(CL, host=None, port=target.port) + OLD_CALL)
    assert answer.startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 ")), answer[:300]


def test_a_body_that_stands_behind_a_shorter_length_is_no_second_request(target: Target) -> None:
    """The rest is read as the next request on the connection, or not at all; it never runs."""
    with nothing_enqueued(target, None):
        answer = target.raw(head("Content-Length: 2", port=target.port) + b"{}" + OLD_CALL)
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_chunked_body_over_the_limit_is_refused_before_its_end(target: Target) -> None:
    with (
        nothing_enqueued(target, "refused"),
        socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection,
    ):
        connection.sendall(head(CHUNKED, port=target.port))
        for _ in range(BODY_BYTES_MAX // 65_536):
            connection.sendall(chunk(b" " * 65_536))
        connection.sendall(chunk(b" "))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (f"Content-Length: {len(OLD_CALL) + 1}", OLD_CALL),
        (CL, OLD_CALL[:10]),
        (CL, b""),
        (CHUNKED, chunk(OLD_CALL)),
        (CHUNKED, b"ff\r\n" + OLD_CALL[:20]),
    ],
    ids=["a length too large", "half a body", "no body", "chunks without an end", "half a chunk"],
)
def test_a_body_that_does_not_come_is_given_up_in_time(target: Target, line: str, body: bytes) -> None:
    with nothing_enqueued(target, "refused"):
        answer = target.raw(head(line, port=target.port) + body)
    assert answer.startswith(b"HTTP/1.1 408 "), answer[:300]
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "sent", [b"", b"POST /mcp HT", b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Slow: 1\r\n"], ids=["nothing", "a line", "headers"]
)
def test_a_head_that_does_not_come_is_given_up_in_time(target: Target, sent: bytes) -> None:
    with nothing_enqueued(target, None), socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        connection.sendall(sent)
        assert connection.recv(65_536) == b""


def test_a_head_that_comes_byte_by_byte_is_given_up_in_time(target: Target) -> None:
    with nothing_enqueued(target, None), socket.create_connection(("127.0.0.1", target.port), timeout=0.05) as connection:
        connection.sendall(b"POST /mcp HTTP/1.1\r\nX-Slow: ")
        for _ in range(200):
            try:
                connection.sendall(b"x")
                assert connection.recv(65_536) == b""
                return
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                return
    raise AssertionError("the connection is still open")


def test_a_kept_connection_may_rest_between_its_requests_longer_than_a_head_may_take(target: Target) -> None:
    request = head("Content-Length: 2", port=target.port).replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        for _ in range(2):
            connection.settimeout(10)
            connection.sendall(request + b"{}")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 400 ")
            connection.settimeout(1.0)  # twice as long as a head may take
            with pytest.raises(TimeoutError):
                connection.recv(1)


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing(target: Target) -> None:
    with nothing_enqueued(target, "refused"), socket.create_connection(("127.0.0.1", target.port)) as connection:
        connection.sendall(head(CL, port=target.port) + OLD_CALL[:10])


def test_a_right_call_does_get_enqueued(target: Target) -> None:
    """What the other tests say is not there is seen where it is."""
    target.forget_records()
    assert target.jobs() == []
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        connection.sendall(head(CL, port=target.port, path="/mcp/") + OLD_CALL)
        wait_until(target.jobs, "a job")
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    assert b"deadline_exceeded" in answer
    wait_until(lambda: not target.jobs(), "the job is dropped")

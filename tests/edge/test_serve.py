"""An edge that stops turns nobody away who has connected, or whose request is on its way."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import uvicorn

from edge.app import Edge
from edge.http_connection import limited
from edge.serve import _Server

_REQUEST = b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n"
_ANSWER_S = 10


async def _hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[_Server, socket.socket]]:
    """The edge's server with an application that says hi, which the test shuts down itself."""
    connection = limited(15.0, 100)
    config = uvicorn.Config(
        _hello, http=connection, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=5
    )
    config.load()
    server = _Server(config, cast(Edge, None), connection)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        await server.startup([listener])
        yield server, listener


async def _connect(listener: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*listener.getsockname())


async def _rest(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), _ANSWER_S)


async def _in_backlog(server: _Server, listener: socket.socket) -> bytes:
    """Connected, and the event loop has had no turn to take it in."""
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(_REQUEST)
        await server.shutdown([listener])
        client.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=client)
        answer = await _rest(reader)
        writer.close()
        return answer


async def _on_a_kept_connection(server: _Server, listener: socket.socket) -> bytes:
    """As a proxy does that does not know yet."""
    reader, writer = await _connect(listener)
    writer.write(_REQUEST)
    first = await reader.readuntil(b"hi")
    assert b"connection: close" not in first
    stopping = asyncio.create_task(server.shutdown([listener]))
    await asyncio.sleep(0)
    writer.write(_REQUEST)
    answer = await _rest(reader)
    await stopping
    writer.close()
    return answer


async def _with_half_a_head(server: _Server, listener: socket.socket) -> bytes:
    """It is not idle, and so stays when those that are have been closed."""
    reader, writer = await _connect(listener)
    idle, idle_writer = await _connect(listener)
    writer.write(_REQUEST[:10])
    stopping = asyncio.create_task(server.shutdown([listener]))
    assert await _rest(idle) == b""
    writer.write(_REQUEST[10:])
    answer = await _rest(reader)
    await stopping
    writer.close()
    idle_writer.close()
    return answer


@pytest.mark.parametrize("arrival", [_in_backlog, _on_a_kept_connection, _with_half_a_head])
def test_a_request_that_is_on_its_way_is_answered_and_its_connection_ends(
    arrival: Callable[[_Server, socket.socket], Awaitable[bytes]],
) -> None:
    async def arriving() -> bytes:
        async with serving() as (server, listener):
            return await arrival(server, listener)

    answer = asyncio.run(arriving())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"hi")
    assert b"connection: close\r\n" in answer

"""A standing stream under a real server: what is written, how it ends, and what a reader costs who does not read."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from edge.sessions.event_stream import EventStream, patient
from edge.sessions.streams import Streams
from shared.identity import Principal
from shared.settings import Settings
from tests.mesh import free_port

OWNER = Principal(subject="owner", owner=True)
App = Callable[..., Any]


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[int]:
    """The application on a port of its own."""
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, http="httptools", lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    task = asyncio.get_running_loop().create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        await task


async def connect(port: int, receive_buffer: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return reader, writer


def run(main: Callable[[], Any]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await main()

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_what_waits_is_written_in_order_and_the_end_comes_last() -> None:
    async def main() -> None:
        waiting = deque([b"data: 1\n\n", b"data: 2\n\n"])
        streams: list[EventStream] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            stream = EventStream(receive, send, lambda: waiting.popleft() if waiting else None, 5)
            streams.append(stream)
            await stream.run(b"data: first\n\n", lambda: b"data: last\n\n")

        async with serving(app) as port:
            reader, writer = await connect(port)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"text/event-stream" in head
            await reader.readuntil(b"data: 2\n\n")
            waiting.append(b"data: 3\n\n")
            streams[0].wake()
            streams[0].end()
            rest = await reader.readuntil(b"0\r\n\r\n")
            assert rest.index(b"data: 3") < rest.index(b"data: last")
            writer.close()

    run(main)


def test_a_stream_that_is_ended_before_it_is_open_ends_at_once() -> None:
    async def main() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            stream = EventStream(receive, send, lambda: None, 5)
            stream.end()
            await stream.run(b"", lambda: b"data: last\n\n")

        async with serving(app) as port:
            reader, writer = await connect(port)
            assert b"data: last" in await reader.readuntil(b"0\r\n\r\n")
            writer.close()

    run(main)


def test_a_reader_who_takes_nothing_is_cut_and_gives_its_place_back() -> None:
    async def main() -> None:
        streams = Streams(Settings(slow_reader_s=0.3, streams_principal_max=1))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            # There is always something to say, far more than the buffers on the way can hold.
            stream = streams.make(receive, send, lambda: b"x" * 65_536)
            await streams.run(OWNER, stream, b"first", lambda: b"last")

        async with serving(app) as port:
            _, writer = await connect(port, receive_buffer=4096)
            await until(lambda: len(streams) == 1)
            await until(lambda: len(streams) == 0)
            writer.close()

    run(main)


def test_a_reader_of_a_call_who_takes_nothing_is_cut() -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            send = patient(send, 0.3)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            writing = asyncio.get_running_loop().create_task(_flood(send))
            while (await receive())["type"] != "http.disconnect":
                pass
            writing.cancel()
            ended.set()

        async def _flood(send: Any) -> None:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})

        async with serving(app) as port:
            _, writer = await connect(port, receive_buffer=4096)
            await ended.wait()
            writer.close()

    run(main)


def test_a_client_that_goes_away_gives_its_place_back_and_a_drain_ends_all() -> None:
    async def main() -> None:
        streams = Streams(Settings())

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await streams.run(OWNER, streams.make(receive, send, lambda: None), b"first", lambda: b"last")

        async with serving(app) as port:
            _, gone = await connect(port)
            connected = [await connect(port) for _ in range(3)]
            await until(lambda: len(streams) == 4)
            gone.close()
            await until(lambda: len(streams) == 3)
            streams.drain()
            for reader, writer in connected:
                assert b"last" in await reader.readuntil(b"0\r\n\r\n")
                writer.close()
            assert len(streams) == 0

    run(main)


def test_an_idle_stream_is_kept_alive() -> None:
    async def main() -> None:
        streams = Streams(Settings(keepalive_s=0.1))
        ticking = asyncio.get_running_loop().create_task(streams.keep_alive())

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await streams.run(OWNER, streams.make(receive, send, lambda: None), b"first", lambda: None)

        async with serving(app) as port:
            reader, writer = await connect(port)
            for _ in range(3):
                await reader.readuntil(b": keep-alive")
            writer.close()
            await until(lambda: len(streams) == 0)
        ticking.cancel()

    run(main)

"""A badly behaved MCP server for tests that speaks HTTP+SSE (2024-11-05): plain asyncio, as a process.

    python tests/upstreams/evil_sse.py --port 9001 [--endpoint URL] [--always MODE]

GET anywhere opens a stream whose `endpoint` is `/messages?s=N`, or what `--endpoint` says. Tools: those of
`evil_beside.py`, and `plain`, `hang`, `cut` (the stream breaks), `flood` (notifications without end), `comments`
(comments without end), `deep`, `huge`, `bad_json`, `heard` (what was posted beside requests), `forgotten` (404).
`--always MODE`: `silent` (no endpoint comes), `plain_text` (no stream), `comments`.
"""

import argparse
import asyncio
import itertools
import json
from typing import Any

from tests.upstreams.evil_beside import BESIDE, event

PLAIN = b'{"content":[{"type":"text","text":"fine"}],"x-unknown":[1.50]}'
HEARD: list[Any] = []
STREAMS: dict[str, asyncio.StreamWriter] = {}
NUMBERS = itertools.count(1)
TOOLS = (*BESIDE, "plain", "hang", "cut", "flood", "comments", "deep", "huge", "bad_json", "heard", "forgotten")


async def write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """One chunk of a stream."""
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


async def call(stream: asyncio.StreamWriter, rid: Any, name: str) -> None:
    """What a tool puts on the stream."""

    async def say(data: bytes) -> None:
        await write(stream, data)

    result = PLAIN
    if name in BESIDE:
        HEARD.clear()
        await BESIDE[name](say, rid, PLAIN)
        return
    if name == "hang":
        return
    if name == "cut":
        stream.transport.abort()
        return
    while name in ("flood", "comments"):
        await say(
            event(method="notifications/message", params={"data": "y" * 1000}) * 100
            if name == "flood"
            else b": y\n\n" * 9999
        )
    if name == "deep":
        result = b'{"content":' + b"[" * 200 + b"]" * 200 + b"}"
    elif name == "huge":
        result = b'{"content":"' + b"x" * 12 * 1024 * 1024 + b'"}'
    elif name == "heard":
        result = json.dumps({"content": [{"type": "text", "text": json.dumps(HEARD)}]}).encode()
    elif name == "bad_json":
        await say(b"data: {\n\n")
        return
    await say(b'data: {"jsonrpc":"2.0","id":%b,"result":%b}\n\n' % (json.dumps(rid).encode(), result))


async def respond(stream: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    """Answer one message on the stream."""
    method, rid, params = message.get("method"), message.get("id"), message.get("params") or {}
    if rid is None or method is None:
        HEARD.append(message)
    elif method == "initialize":
        result = {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}, "resources": {"subscribe": True}}}
        await write(stream, event(id=rid, result=result))
    elif method == "tools/list":
        await write(
            stream, event(id=rid, result={"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in TOOLS]})
        )
    elif method == "tools/call":
        await call(stream, rid, params["name"])
    else:
        await write(stream, event(id=rid, result={}))


async def open_stream(writer: asyncio.StreamWriter, given: argparse.Namespace) -> None:
    """Answer GET."""
    kind = "text/plain" if given.always == "plain_text" else "text/event-stream"
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    await writer.drain()
    while given.always == "comments":
        await write(writer, b": y\n\n" * 9999)
    if given.always is None:
        number = str(next(NUMBERS))
        STREAMS[number] = writer
        named = given.endpoint or f"/messages?s={number}"
        await write(writer, f"event: endpoint\r\ndata: {named}\r\n\r\n".encode())


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, given: argparse.Namespace) -> None:
    """One connection, until either side ends it."""
    try:
        while not writer.is_closing():
            request = await reader.readuntil(b"\r\n\r\n")
            if request.startswith(b"GET"):
                await open_stream(writer, given)
                continue
            lines = [line for line in request.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            message = json.loads(await reader.readexactly(int(lines[0].split(b":")[1])))
            target = request.split(b" ")[1].decode()
            stream = STREAMS.get(target.partition("?s=")[2])
            forgotten = (message.get("params") or {}).get("name") == "forgotten"
            status = "405 Method Not Allowed" if "?s=" not in target else "404 Gone" if forgotten else "202 Accepted"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            if stream is not None and status == "202 Accepted":
                await respond(stream, message)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint")
    parser.add_argument("--always", choices=("silent", "plain_text", "comments"))
    given = parser.parse_args()
    server = await asyncio.start_server(lambda r, w: serve(r, w, given), "127.0.0.1", given.port, limit=1024 * 1024)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""A badly behaved MCP server for tests: plain asyncio, Streamable HTTP at any path, as a process.

    python tests/upstreams/evil.py --port 9001 [--era modern|legacy] [--always MODE] [--listing LISTING] [--picky]

Prints `listening` when it accepts connections. Every mode of `MODES` is a tool: calling it gets the answer of that mode.
`--always MODE` answers every request that way, the handshake included. `--listing`: `modes` (default; one tool per
mode), `bad` (some definitions are not fit to be listed), `pages` (three pages), `loop` (pages without end). `--picky`:
tells of changes, but refuses to watch any resource.

GET answers 405. `counts` is a tool whose text is the number of `tools/call` requests so far, by tool.
"""

import argparse
import asyncio
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.upstreams.evil_beside import BESIDE, Said, event
from tests.upstreams.evil_listing import listing

Answer = Callable[[asyncio.StreamWriter, Any, dict[str, Any]], Awaitable[None]]

PLAIN = (
    b'{"content":[{"type":"text","text":"fine","x-block":1}],"structuredContent":{"n":12345678901234567890123,"f":1.50},'
    b'"isError":false,"x-unknown":{"a":[1,2.50,null]},"_meta":{"k":"v"}}'
)
MIB = b"x" * (1024 * 1024)


def head(status: str = "200 OK", kind: str = "application/json", **more: str | int) -> bytes:
    """A response head; keyword `content_length=5` becomes `Content-Length: 5`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(request_id: Any, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (json.dumps(request_id).encode(), result)


async def send_json(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", **more: str) -> None:
    writer.write(head(status, content_length=len(body), **more) + body)
    await writer.drain()


async def send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


async def plain(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, PLAIN))


async def plain_stream(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """Progress with an unknown member, another's progress, and the answer in small pieces with CR, LF and CRLF."""
    token = json.dumps(params.get("_meta", {}).get("progressToken")).encode()
    writer.write(head(kind="text/event-stream; charset=utf-8", transfer_encoding="chunked"))
    said = (
        (
            b': hello\r\nid: 1\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%b,'
            b'"progress":1,"total":2,"message":"h\xc3\xa4lf","x-more":[1.50]}}\r\n\r\n'
            b'data: {"jsonrpc":"2.0","method":"notifications/progress",\n'
            b'data: "params":{"progressToken":"other","progress":9}}\n\n'
            b'event: noise\rdata: no json\r\rdata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\r\n\r\n'
            % token
        )
        + b"event: message\ndata: "
        + answer(rid, PLAIN)
        + b"\n\n"
    )
    for at in range(0, len(said), 7):
        await send_chunk(writer, said[at : at + 7])
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def hang(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await asyncio.sleep(3600)


async def huge(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(content_length=1024 * len(MIB)))
    for _ in range(1024):
        writer.write(MIB)
        await writer.drain()


async def huge_chunked(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(transfer_encoding="chunked"))
    await send_chunk(writer, b'{"jsonrpc":"2.0","id":1,"result":{"content":"')
    for _ in range(1024):
        await send_chunk(writer, MIB)


async def huge_event(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    await send_chunk(writer, b"data: ")
    for _ in range(1024):
        await send_chunk(writer, MIB)


async def endless_stream(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    while True:
        await send_chunk(writer, b": still here\n\n")
        await asyncio.sleep(0.02)


async def flood(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """100,000 progress events, then the answer."""
    token = json.dumps(params.get("_meta", {}).get("progressToken")).encode()
    event = (
        b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%b,"progress":1}}\n\n' % token
    )
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    for _ in range(100):
        await send_chunk(writer, event * 1000)
    await send_chunk(writer, b"data: " + answer(rid, PLAIN) + b"\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def endless_flood(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    event = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"' + b"y" * 1000 + b'"}}\n\n'
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    while True:
        await send_chunk(writer, event * 1000)


async def bad_json(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, b'{"jsonrpc":"2.0","id":1,"result":{')


async def not_a_number(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, b'{"content":[],"n":NaN}'))


async def bad_utf8(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, b'{"content":[{"type":"text","text":"\xff\xfe"}]}'))


async def deep(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, b'{"content":' + b"[" * 200 + b"]" * 200 + b"}"))


async def very_deep(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, b'{"content":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"))


async def no_object(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(rid, b"17"))


async def batch(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, b"[" + answer(rid, PLAIN) + b"]")


async def wrong_id(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, answer(987654321, PLAIN))


async def wrong_id_stream(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    body = b"data: " + answer(987654321, PLAIN) + b"\n\n"
    writer.write(head(kind="text/event-stream", content_length=len(body)) + body)
    await writer.drain()


async def wrong_type(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    body = b"<html>Welcome</html>"
    writer.write(head(kind="text/html", content_length=len(body)) + body)
    await writer.drain()


async def cut_body(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(content_length=1000) + b'{"jsonrpc":"2.0",')
    await writer.drain()
    writer.close()


async def half_body(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(content_length=1000) + b'{"jsonrpc":"2.0",')
    await hang(writer, rid, params)


async def cut_stream(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    await send_chunk(writer, b": soon\n\n")
    writer.close()


async def cut_before(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.transport.abort()


async def gzip_bomb(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, further = (packer.compress(MIB) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    # A block after a full flush stands for itself: a GiB of them costs nothing to make. Nobody reads to the missing end.
    await send_json(writer, first + 1023 * further, content_encoding="gzip")


async def gzip_fine(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, gzip.compress(answer(rid, PLAIN)), content_encoding="gzip")


async def redirect(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    await send_json(writer, b"", "307 Temporary Redirect", location="http://127.0.0.1:9/elsewhere")


async def long_header(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1024):
        writer.write(b"X-Long: " + MIB + b"\r\n")
        await writer.drain()


async def many_headers(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1000):
        writer.write(b"X-Many: 1\r\n" * 1000)
        await writer.drain()


async def not_http(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    await writer.drain()


async def rpc_error(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    error = {"code": -32099, "message": "odd", "data": {"why": [1, 2.5]}, "x-more": True}
    await send_json(writer, json.dumps({"jsonrpc": "2.0", "id": rid, "error": error}).encode())


async def rpc_error_400(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    error = {"code": -32602, "message": "Unknown tool"}
    await send_json(writer, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode(), "400 Bad Request")


async def asks_back(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """2025 era: ping and elicitation on the stream; the answer says what came back (see `heard`)."""
    writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
    HEARD.clear()
    BOTH_HEARD.clear()
    await send_chunk(writer, b'data: {"jsonrpc":"2.0","id":"p","method":"ping"}\n\n')
    await send_chunk(writer, b'data: {"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{}}\n\n')
    async with asyncio.timeout(5):
        await BOTH_HEARD.wait()
    result = json.dumps({"content": [{"type": "text", "text": json.dumps(HEARD)}]}).encode()
    await send_chunk(writer, b"data: " + answer(rid, result) + b"\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def status(line: str) -> Answer:
    async def refuse(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
        body = b"no"
        writer.write(head(line, "text/plain", content_length=len(body)) + body)
        await writer.drain()

    return refuse


async def counts(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    result = {"content": [{"type": "text", "text": json.dumps(CALLS)}]}
    await send_json(writer, answer(rid, json.dumps(result).encode()))


async def last(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """What came before this request, as text."""
    result = {"content": [{"type": "text", "text": BEFORE.decode()}]}
    await send_json(writer, answer(rid, json.dumps(result).encode()))


async def heard(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """What was posted beside requests since a stream that asks began."""
    result = {"content": [{"type": "text", "text": json.dumps(HEARD)}]}
    await send_json(writer, answer(rid, json.dumps(result).encode()))


async def wire(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
    """What came over the wire, as text."""
    result = {"content": [{"type": "text", "text": LAST.decode()}]}
    await send_json(writer, answer(rid, json.dumps(result).encode()))


CALLS: Counter[str] = Counter()
HEARD: list[Any] = []
BOTH_HEARD = asyncio.Event()
LAST = b""
BEFORE = b""


def beside(said: Said) -> Answer:
    async def stream(writer: asyncio.StreamWriter, rid: Any, params: dict[str, Any]) -> None:
        async def write(data: bytes) -> None:
            await send_chunk(writer, data)

        HEARD.clear()
        writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
        await said(write, rid, PLAIN)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return stream


MODES: dict[str, Answer] = {
    f.__name__: f
    for f in (
        plain, plain_stream, hang, huge, huge_chunked, huge_event, endless_stream, flood, endless_flood, bad_json,
        not_a_number, bad_utf8, deep, very_deep, no_object, batch, wrong_id, wrong_id_stream, wrong_type, cut_body,
        half_body, cut_stream, cut_before, gzip_bomb, gzip_fine, redirect, long_header, many_headers, not_http, rpc_error,
        rpc_error_400, asks_back, counts, heard, last, wire,
    )
} | {
    f"error_{code}": status(f"{code} {reason}")
    for code, reason in ((202, "Accepted"), (401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"), (500, "Oops"))
} | {name: beside(said) for name, said in BESIDE.items()}  # fmt: skip


async def respond(writer: asyncio.StreamWriter, message: dict[str, Any], given: argparse.Namespace) -> None:
    """Answer one JSON-RPC message."""
    method, rid, params = message.get("method"), message.get("id"), message.get("params") or {}
    if rid is None or method is None:
        HEARD.append(message)
        if len(HEARD) == 2:
            BOTH_HEARD.set()
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
    elif given.always:
        await MODES[given.always](writer, rid, params)
    elif method == "server/discover" and given.era == "modern":
        tells = {"tools": {"listChanged": True}, "resources": {"subscribe": True}} if given.picky else {"tools": {}}
        result = {"supportedVersions": ["2026-07-28"], "capabilities": tells, "resultType": "complete"}
        await send_json(writer, answer(rid, json.dumps(result).encode()))
    elif method == "initialize" and given.era == "legacy":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "evil"}}
        await send_json(writer, answer(rid, json.dumps(result).encode()), mcp_session_id="evil-1")
    elif method == "subscriptions/listen" and given.picky and not params["notifications"].get("resourceSubscriptions"):
        writer.write(head(kind="text/event-stream", transfer_encoding="chunked"))
        await send_chunk(writer, event(method="notifications/subscriptions/acknowledged"))
        await send_chunk(writer, event(method="notifications/tools/list_changed"))
        await asyncio.sleep(3600)
    elif method == "tools/list":
        await send_json(writer, answer(rid, json.dumps(listing(given.listing, params.get("cursor"), MODES)).encode()))
    elif method == "tools/call":
        CALLS[params["name"]] += 1
        await MODES[params["name"]](writer, rid, params)
    else:
        error = {"code": -32601, "message": "Method not found"}
        await send_json(writer, json.dumps({"jsonrpc": "2.0", "id": rid, "error": error}).encode(), "404 Not Found")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, given: argparse.Namespace) -> None:
    """One connection, until either side ends it."""
    global LAST, BEFORE
    try:
        while not writer.is_closing():
            request = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in request.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length)
            if not request.startswith(b"POST"):
                writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                continue
            LAST, BEFORE = request + body, LAST
            await respond(writer, json.loads(body), given)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--era", choices=("modern", "legacy"), default="modern")
    parser.add_argument("--always", choices=sorted(MODES))
    parser.add_argument("--listing", choices=("modes", "bad", "pages", "loop"), default="modes")
    parser.add_argument("--picky", action="store_true")
    given = parser.parse_args()
    server = await asyncio.start_server(lambda r, w: serve(r, w, given), "127.0.0.1", given.port, limit=8 * 1024 * 1024)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""A fast MCP upstream, so that what is measured is the mesh: raw ASGI, protocol 2026-07-28, JSON answers only.

Tools: `echo(message)`, `sleep_ms(ms, tag)`, and as many more as are asked for. `python -m bench.upstream PORT [TOOLS]`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import uvicorn

from bench.many_tools import definitions

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MODERN = "2026-07-28"
_META = {"io.modelcontextprotocol/serverInfo": {"name": "bench", "version": "0"}}
_FRESH = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "_meta": _META}


def _tool(name: str, **properties: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"{name} of the bench",
        "annotations": {"readOnlyHint": True},
        "inputSchema": {
            "type": "object",
            "properties": {key: {"type": kind} for key, kind in properties.items()},
            "required": list(properties),
        },
    }


_TOOLS = [_tool("echo", message="string"), _tool("sleep_ms", ms="integer", tag="string")]


async def _result(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "tools/call":
        arguments = params["arguments"]
        if params["name"] == "sleep_ms":
            await asyncio.sleep(arguments["ms"] / 1000)
        text = arguments.get("message") or arguments["tag"]
        content = [{"type": "text", "text": text}]
        return {"content": content, "isError": False, "resultType": "complete", "_meta": _META}
    if method == "tools/list":
        return {"tools": _TOOLS, **_FRESH}
    if method == "server/discover":
        return {"supportedVersions": [_MODERN], "capabilities": {"tools": {}}, **_FRESH}
    if method == "ping":
        return {}
    return None


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """The whole server."""
    if scope["method"] != "POST":
        await _answer(send, 405, b"{}")
        return
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    request = msgspec.json.decode(body)
    if "id" not in request:
        await _answer(send, 202, b"")
        return
    result = await _result(request["method"], request.get("params", {}))
    envelope = {"jsonrpc": "2.0", "id": request["id"]}
    if result is None:
        error = {"code": -32601, "message": f"no method {request['method']}"}
        await _answer(send, 404, msgspec.json.encode(envelope | {"error": error}))
        return
    await _answer(send, 200, msgspec.json.encode(envelope | {"result": result}))


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    _TOOLS += definitions(int(sys.argv[2])) if len(sys.argv) > 2 else []
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        lifespan="off",
        backlog=4096,
        server_header=False,
        date_header=False,
    )

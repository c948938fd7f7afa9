"""A well-behaved MCP server for tests: the SDK's own, over Streamable HTTP at `/mcp`, as a process.

    python tests/upstreams/everything.py --port 9001 [--era both|legacy] [--json] [--stateless] [--resumable] [--sse]

Prints `listening` when it accepts connections. `--era legacy` refuses the 2026 era as an older server does; `--json`
answers without streams; `--stateless` hands out no session ids; `--resumable` keeps events, so that a stream can be
taken up again; `--sse` speaks HTTP+SSE of 2024-11-05 instead, at `/sse` and at `/mcp`.

Tools: `echo(message)`, `add(a,b)`, `slow_progress(steps,step_ms)`, `fail()`, `structured(city)`, `write_line(path,text)`,
`sleep(ms,cancelled_path)`, `grow(name)` (a further tool, and tools/list_changed), `interrupted()` (ends its stream
early), `routed(region,text)` (wants `region` as a header), `lines(count,path,ms)` (that many lines, after a while; each run
writes one to `path`). `add` is annotated as reading, `structured` as idempotent. What
else it has is in `everything_features.py`.
"""

import argparse
import asyncio
import os
import socket
import warnings
from typing import Annotated, Any

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import JSONRPCMessage, ToolAnnotations
from pydantic import Field
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.upstreams.everything_features import add_features

server = MCPServer("everything", version="1", log_level="WARNING")


@server.tool()
def echo(message: str) -> str:
    """Return the message."""
    return message


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@server.tool()
async def slow_progress(steps: int, step_ms: int, ctx: Context[Any, Any]) -> str:
    """Report progress `steps` times, `step_ms` milliseconds apart."""
    for step in range(1, steps + 1):
        await anyio.sleep(step_ms / 1000)
        await ctx.report_progress(step, steps, f"step {step} of {steps}")
    return f"{steps} steps"


@server.tool()
def fail() -> str:
    """Fail, as a tool does."""
    raise ValueError("this tool always fails")


@server.tool(annotations=ToolAnnotations(read_only_hint=False, idempotent_hint=True, destructive_hint=True))
def structured(city: str) -> dict[str, Any]:
    """Return structured content."""
    return {"city": city, "temperature": 21.5, "tags": ["a", "b"]}


@server.tool()
def write_line(path: str, text: str) -> str:
    """Append a line to a file, and sync it to disk."""
    with open(path, "a") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return "written"


@server.tool()
async def sleep(ms: int, cancelled_path: str = "") -> str:
    """Sleep; a cancelled sleep writes a line to `cancelled_path`."""
    try:
        await anyio.sleep(ms / 1000)
    except asyncio.CancelledError:
        if cancelled_path:
            write_line(cancelled_path, "cancelled")
        raise
    return "slept"


@server.tool()
async def grow(name: str, ctx: Context[Any, Any]) -> str:
    """Add a tool of that name, and tell everyone who listens."""
    server.add_tool(add, name=name, description="Grown.")
    await ctx.notify_tools_changed()
    if ctx.request_context.protocol_version < "2026":
        await ctx.session.send_tool_list_changed()
    return "grown"


@server.tool()
async def interrupted(ctx: Context[Any, Any]) -> str:
    """End the stream before the answer; it is there for who takes the stream up again."""
    await ctx.report_progress(1, 2, "an event with an id, before the end")
    await anyio.sleep(0.05)
    await ctx.close_sse_stream()
    await anyio.sleep(0.05)
    return "resumed"


@server.tool()
def routed(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], text: str) -> str:
    """A tool whose `region` travels as a header too."""
    return f"{region}: {text}"


@server.tool()
async def lines(count: int, path: str, ms: int = 0) -> str:
    """So many lines of text, `ms` milliseconds later; each run writes a line to `path`."""
    write_line(path, "ran")
    await anyio.sleep(ms / 1000)
    return "".join(f"line {number} of {count}, of which each is told from all others\n" for number in range(1, count + 1))


class Events(EventStore):
    """All events, in memory."""

    def __init__(self) -> None:
        self._events: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        after = int(last_event_id)
        stream_id = self._events[after - 1][0]
        for number, (stream, message) in enumerate(self._events[after:], start=after + 1):
            if stream == stream_id and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream_id


class OnlyLegacy:
    """Refuses the 2026 era, as a server that does not know it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = dict(scope.get("headers", ())).get(b"mcp-protocol-version", b"2025-11-25")
        if scope["type"] != "http" or version < b"2026":
            await self._app(scope, receive, send)
            return
        error = {"code": -32000, "message": "Bad Request: Unsupported protocol version"}
        await JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)(scope, receive, send)


class AtBoth:
    """HTTP+SSE at `/mcp` too, as of a server whose URL does not say what it speaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/mcp":
            scope = {**scope, "path": "/sse", "raw_path": b"/sse"}
        await self._app(scope, receive, send)


class Announced(uvicorn.Server):
    """Says when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("listening", flush=True)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--era", choices=("both", "legacy"), default="both")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stateless", action="store_true")
    parser.add_argument("--resumable", action="store_true")
    parser.add_argument("--sse", action="store_true")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns of what 2026-07-28 has dropped
        add_features(server)
    app: ASGIApp
    if given.sse:
        app = AtBoth(server.sse_app())
    else:
        app = server.streamable_http_app(
            json_response=given.json,
            stateless_http=given.stateless,
            event_store=Events() if given.resumable else None,
            retry_interval=50 if given.resumable else None,
        )
    if given.era == "legacy":
        app = OnlyLegacy(app)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=given.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()

"""An MCP server whose tools wait for one another: what runs at the same time is seen without a clock.

    python tests/upstreams/meeting.py --port 9001

Prints `listening` when it accepts connections. Tools: `meet(count)` answers when so many wait in it at once; `hold(name,
path)` writes `begun <name>` to the file, waits until `release(name)` and answers with its name; cancelled it writes
`cancelled <name>`. `note(text, path)` appends a line. `shapes(kind)` answers with something unusual.
"""

import argparse
import asyncio
import os
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ImageContent, TextContent

from tests.upstreams.everything import Announced

server = MCPServer("meeting", version="1", log_level="CRITICAL")
_waiting: dict[int, list[asyncio.Event]] = {}
_held: dict[str, asyncio.Event] = {}


@server.tool()
def note(text: str, path: str) -> str:
    """Append a line, and sync it to disk."""
    with open(path, "a") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return "noted"


@server.tool()
async def meet(count: int) -> str:
    """Wait until so many wait here at once."""
    here = asyncio.Event()
    waiting = _waiting.setdefault(count, [])
    waiting.append(here)
    if len(waiting) == count:
        for each in waiting:
            each.set()
    try:
        await here.wait()
    finally:
        waiting.remove(here)
    return f"{count} met"


@server.tool()
async def hold(name: str, path: str) -> str:
    """Wait until it is released."""
    note(f"begun {name}", path)
    try:
        await _held.setdefault(name, asyncio.Event()).wait()
    except asyncio.CancelledError:
        note(f"cancelled {name}", path)
        raise
    return name


@server.tool()
def release(name: str) -> str:
    """Let those go that wait under this name, and all that come."""
    _held.setdefault(name, asyncio.Event()).set()
    return "released"


_TEXT = TextContent(type="text", text="for people")
_PICTURE = ImageContent(type="image", data="eA==", mime_type="image/png")
_ERROR = {"error": {"code": "out_of_stock", "status": 409, "retryable": False}}
_SHAPES: dict[str, CallToolResult] = {
    "picture": CallToolResult(content=[_PICTURE]),
    "structured": CallToolResult(content=[_PICTURE], structured_content={"a": 1}),
    "both": CallToolResult(content=[_TEXT], structured_content={"a": 1}),
    "conflict": CallToolResult(content=[_TEXT], structured_content=_ERROR, is_error=True),
    "large": CallToolResult(content=[TextContent(type="text", text='"' + "x" * 200_000 + '"')]),
}


@server.tool()
def shapes(kind: str) -> Any:
    """Answer with something unusual."""
    return _SHAPES[kind]


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    app = server.streamable_http_app(stateless_http=True)
    port = parser.parse_args().port
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()

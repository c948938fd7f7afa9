"""An MCP server that writes down what it does before it says so: the witness of the fault tests, as a process.

    python tests/upstreams/ledger.py --port 9001 --ledger FILE [--era both|legacy]

Prints `listening` when it accepts connections. Tools: `write(token, ms, how)`, `read(token, ms, how)`, `put(token, ms,
how)` (idempotent) and `intended(intent, text, ms)` (a write whose arguments are meant to be the same twice). Each appends a
line of JSON `{"tool", "token", "at", "phase": "begun"}` to the file, waits `ms` milliseconds, and appends the same with
phase `done` before it answers with its token (of `intended`: the intent). Every line is on the disk before anything else
happens, so what the file does not say did not happen. `how: fails` answers with an error in place of being done, and
`how: dies` ends the whole server there.
"""

import argparse
import json
import os
import signal
import time
import warnings
from typing import Literal

import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer

from tests.upstreams.everything import Announced, OnlyLegacy

How = Literal["done", "fails", "dies"]

server = MCPServer("ledger", version="1", log_level="CRITICAL")


class Book:
    """The file, of which every line is whole and on the disk when `note` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, tool: str, token: str, phase: str) -> None:
        line = json.dumps({"tool": tool, "token": token, "at": time.time(), "phase": phase}) + "\n"
        os.write(self._file, line.encode())
        os.fsync(self._file)

    async def act(self, tool: str, token: str, ms: int, how: How = "done") -> str:
        """Begin, take the time, be done."""
        self.note(tool, token, "begun")
        await anyio.sleep(ms / 1000)
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "fails":
            raise ValueError("it was begun, and failed")
        self.note(tool, token, "done")
        return token


def add_tools(book: Book) -> None:
    """The tools, on one book."""

    @server.tool()
    async def write(token: str, ms: int, how: How = "done") -> str:
        """Change something."""
        return await book.act("write", token, ms, how)

    @server.tool()
    async def read(token: str, ms: int, how: How = "done") -> str:
        """Change nothing."""
        return await book.act("read", token, ms, how)

    @server.tool()
    async def put(token: str, ms: int, how: How = "done") -> str:
        """Make something so, whatever it was before."""
        return await book.act("put", token, ms, how)

    @server.tool()
    async def intended(intent: str, text: str, ms: int) -> str:
        """Change something again, which is meant."""
        return await book.act("intended", intent, ms)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--era", choices=("both", "legacy"), default="both")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns of what 2026-07-28 has dropped
        add_tools(Book(given.ledger))
    app = server.streamable_http_app(stateless_http=True)
    serving = OnlyLegacy(app) if given.era == "legacy" else app
    config = uvicorn.Config(
        serving, host="127.0.0.1", port=given.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()

"""The server that the `tasks-*` scenarios of the MCP conformance suite ask for, on the SDK's lowlevel server, as a process.

    python -m tests.upstreams.tasks --port 9001 [--pause-ms 800] [--era both|legacy] [--own-wait]

Prints `listening` when it accepts connections, and a line `ran <tool> <detail>` for each run that does something; the
endpoint is `/mcp`. It knows nothing of tasks: what takes long here (all but `greet`) is what the mesh makes a task of.
`--own-wait` adds a tool called `mesh_wait`, which greets.
"""

import argparse
import asyncio
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from starlette.types import ASGIApp

from tests.upstreams.conformance_rounds import answered, elicit
from tests.upstreams.conformance_tools import Context, Tool, text
from tests.upstreams.everything import Announced, OnlyLegacy

NAME = "tasks"
Params = types.CallToolRequestParams
Result = types.CallToolResult | types.InputRequiredResult


class Tools:
    """They pause before they do anything, so that a task is there by then."""

    def __init__(self, pause_s: float, *, own_wait: bool) -> None:
        self._pause_s = pause_s
        self._own_wait = own_wait

    @property
    def all(self) -> dict[str, Tool]:
        string, number = {"type": "string"}, {"type": "number"}
        slow = {"seconds": number, "label": string}
        own = {"mesh_wait": Tool(self.greet, {"name": string})} if self._own_wait else {}
        return {
            **own,
            "greet": Tool(self.greet, {"name": string}),
            "slow_compute": Tool(self.slow_compute, slow),
            "slow_write": Tool(self.slow_compute, slow),
            "failing_job": Tool(self.failing_job),
            "protocol_error_job": Tool(self.protocol_error_job),
            "confirm_delete": Tool(self.confirm_delete, {"filename": string}),
            "multi_input": Tool(self.multi_input),
            "twice_asked": Tool(self.twice_asked),
            "slow_ask": Tool(self.slow_ask),
            "test_tool_with_task": Tool(self.tool_with_task),
        }

    async def greet(self, _context: Context, params: Params) -> Result:
        return text(f"Hello, {_given(params)['name']}!")

    async def slow_compute(self, _context: Context, params: Params) -> Result:
        given = _given(params)
        await asyncio.sleep(given["seconds"])
        _say(params.name, given["label"])
        return text(f"computed {given['label']}")

    async def failing_job(self, _context: Context, _params: Params) -> Result:
        await asyncio.sleep(self._pause_s)
        failed = types.TextContent(type="text", text="the job failed")
        return types.CallToolResult(content=[failed], is_error=True)

    async def protocol_error_job(self, _context: Context, _params: Params) -> Result:
        await asyncio.sleep(self._pause_s)
        raise MCPError(INTERNAL_ERROR, "the job broke", {"part": 7})

    async def confirm_delete(self, _context: Context, params: Params) -> Result:
        await asyncio.sleep(self._pause_s)
        name = _given(params)["filename"]
        if not answered(params, "confirm"):
            return types.InputRequiredResult(input_requests={"confirm": elicit(f"Delete {name}?", "confirm", "boolean")})
        _say(params.name, name)
        return text(f"deleted {name}: {_answer(params, 'confirm')}")

    async def multi_input(self, _context: Context, params: Params) -> Result:
        await asyncio.sleep(self._pause_s)
        if not answered(params, "name", "confirm"):
            asked: dict[str, types.InputRequest] = {
                "name": elicit("What is your name?", "name"),
                "confirm": elicit("Are you sure?", "confirm", "boolean"),
            }
            return types.InputRequiredResult(input_requests=asked, request_state="both")
        _say(params.name, params.request_state or "")
        return text(f"both: {_answer(params, 'name')} {_answer(params, 'confirm')}")

    async def twice_asked(self, _context: Context, params: Params) -> Result:
        """Asks two rounds with the same key."""
        await asyncio.sleep(self._pause_s)
        done = (params.request_state or "").split()
        if answered(params, "next"):
            done.append(str(_answer(params, "next")["word"]))
        if len(done) < 2:
            asked: dict[str, types.InputRequest] = {"next": elicit(f"Word {len(done) + 1}?", "word")}
            return types.InputRequiredResult(input_requests=asked, request_state=" ".join(done))
        return text(" and ".join(done))

    async def slow_ask(self, context: Context, params: Params) -> Result:
        """Asks by a request in mid-call, as servers of the 2025 era do."""
        await asyncio.sleep(self._pause_s)
        asked = {"type": "object", "properties": {"name": {"type": "string"}}}
        answer = await context.session.elicit_form("Your name?", asked, related_request_id=context.request_id)
        _say(params.name, answer.action)
        return text(f"{answer.action} {(answer.content or {}).get('name')}")

    async def tool_with_task(self, _context: Context, params: Params) -> Result:
        if not answered(params, "user_name"):
            return types.InputRequiredResult(input_requests={"user_name": elicit("What is your name?", "name")})
        await asyncio.sleep(self._pause_s)
        return text(f"Hello, {_answer(params, 'user_name')['name']}!")


def _given(params: Params) -> dict[str, Any]:
    return params.arguments or {}


def _answer(params: Params, key: str) -> dict[str, Any]:
    """What the client put into a form."""
    said = (params.input_responses or {})[key]
    assert isinstance(said, types.ElicitResult), said
    return dict(said.content or {})


def _say(tool: str, detail: str) -> None:
    print(f"ran {tool} {detail}", flush=True)


def tasks_server(tools: dict[str, Tool]) -> Server[Any]:
    """The server, with its tools."""

    async def list_tools(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[types.Tool(name=name, input_schema=tool.input_schema) for name, tool in sorted(tools.items())]
        )

    async def call_tool(context: Context, params: Params) -> Result:
        if params.name not in tools:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
        return await tools[params.name].handler(context, params)

    server: Server[Any] = Server(NAME, version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    return server


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pause-ms", type=int, default=800)
    parser.add_argument("--era", choices=("both", "legacy"), default="both")
    parser.add_argument("--own-wait", action="store_true")
    given = parser.parse_args()
    tools = Tools(given.pause_ms / 1000, own_wait=given.own_wait).all
    app: ASGIApp = tasks_server(tools).streamable_http_app()
    if given.era == "legacy":
        app = OnlyLegacy(app)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=given.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()

"""The server that the published MCP conformance suite asks for, on the SDK's lowlevel server, as a process.

    python -m tests.upstreams.conformance --port 9001 [--era both|legacy|modern]

Prints `listening` when it accepts connections; the endpoint is `/mcp`. Tools are in `conformance_tools.py` and
`conformance_rounds.py`; here are prompts, resources, completion, logging and the server itself, which keeps events, so that
a stream can be taken up again. `--era` refuses the other era, as a server does that does not know it.
"""

import argparse
import base64
import json
import re
import warnings
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_PARAMS, UNSUPPORTED_PROTOCOL_VERSION
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.upstreams.conformance_rounds import ROUNDS, answered, elicit
from tests.upstreams.conformance_tools import PNG, TOOLS, Context, bus, changes
from tests.upstreams.everything import Announced, Events, OnlyLegacy

NAME = "conformance"
MODERN = "2026-07-28"
ALL_TOOLS = {**TOOLS, **ROUNDS}
_TEMPLATE = re.compile(r"test://template/([^/]+)/data")
_RESOURCES = {
    "test://static-text": "text/plain",
    "test://static-binary": "image/png",
    "test://watched-resource": "text/plain",
}
_PROMPTS: dict[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def list_tools(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    listed = {**ALL_TOOLS, f"test_version_{changes['tools']}": ALL_TOOLS["test_simple_text"]}
    return types.ListToolsResult(
        tools=[
            types.Tool(name=name, description=f"Conformance: {name}", input_schema=tool.input_schema)
            for name, tool in sorted(listed.items())
        ]
    )


async def call_tool(
    context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    if params.name not in ALL_TOOLS:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
    return await ALL_TOOLS[params.name].handler(context, params)


async def list_resources(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri.removeprefix("test://"), description=f"At {uri}", mime_type=mime_type)
            for uri, mime_type in _RESOURCES.items()
        ]
    )


async def list_templates(
    _context: Context, _params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        name="template", uri_template="test://template/{id}/data", description="By id", mime_type="application/json"
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(_context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    if uri == "test://static-binary":
        blob = types.BlobResourceContents(uri=uri, mime_type="image/png", blob=base64.b64encode(PNG.encode()).decode())
        return types.ReadResourceResult(contents=[blob])
    if match := _TEMPLATE.fullmatch(uri):
        data = json.dumps({"id": match[1], "templateTest": True, "data": f"Data for ID: {match[1]}"})
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, mime_type="application/json", text=data)]
        )
    if uri not in _RESOURCES:
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
    said = f"This is the content of {uri}."
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type="text/plain", text=said)])


async def list_prompts(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=f"Conformance: {name}",
                arguments=[types.PromptArgument(name=argument, required=True) for argument in arguments],
            )
            for name, arguments in {**_PROMPTS, f"test_version_{changes['prompts']}": ()}.items()
        ]
    )


async def get_prompt(
    _context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    if params.name not in _PROMPTS or set(_PROMPTS[params.name]) - set(given):
        raise MCPError(INVALID_PARAMS, f"Unknown prompt or missing argument: {params.name}")
    contents: list[types.ContentBlock] = [types.TextContent(type="text", text="Please process what is above.")]
    if params.name == "test_simple_prompt":
        contents = [types.TextContent(type="text", text="This is a simple prompt for testing.")]
    elif params.name == "test_prompt_with_arguments":
        said = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
        contents = [types.TextContent(type="text", text=said)]
    elif params.name == "test_prompt_with_embedded_resource":
        inside = types.TextResourceContents(
            uri=given["resourceUri"], mime_type="text/plain", text="Embedded resource content for testing."
        )
        contents.insert(0, types.EmbeddedResource(type="resource", resource=inside))
    elif params.name == "test_prompt_with_image":
        contents.insert(0, types.ImageContent(type="image", data=PNG, mime_type="image/png"))
    elif not answered(params, "user_context"):
        asked = elicit("What context should the prompt use?", "context")
        return types.InputRequiredResult(input_requests={"user_context": asked})
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content) for content in contents])


async def complete(_context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [value for value in ("test", "testing", "tested") if value.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=values, total=len(values), has_more=False))


async def acknowledge(_context: Context, _params: Any) -> types.EmptyResult:
    """`logging/setLevel`, `resources/subscribe` and `resources/unsubscribe` of the 2025 era."""
    return types.EmptyResult()


def conformance_server() -> Server[Any]:
    """The server, with everything registered."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns of what 2026-07-28 has dropped and 2025-11-25 asks for
        server: Server[Any] = Server(
            NAME,
            version="1",
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            on_list_resources=list_resources,
            on_list_resource_templates=list_templates,
            on_read_resource=read_resource,
            on_subscribe_resource=acknowledge,
            on_unsubscribe_resource=acknowledge,
            on_subscriptions_listen=ListenHandler(bus),
            on_list_prompts=list_prompts,
            on_get_prompt=get_prompt,
            on_completion=complete,
            on_set_logging_level=acknowledge,
        )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    return server


class OnlyModern:
    """Refuses the 2025 era, as a server that has dropped it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = dict(scope.get("headers", ())).get(b"mcp-protocol-version", b"2025-11-25").decode()
        if scope["type"] != "http" or version >= MODERN:
            await self._app(scope, receive, send)
            return
        data = {"supported": [MODERN], "requested": version}
        error = {"code": UNSUPPORTED_PROTOCOL_VERSION, "message": "Unsupported protocol version", "data": data}
        await JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)(scope, receive, send)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--era", choices=("both", "legacy", "modern"), default="both")
    given = parser.parse_args()
    app: ASGIApp = conformance_server().streamable_http_app(event_store=Events(), retry_interval=100)
    if given.era != "both":
        app = OnlyLegacy(app) if given.era == "legacy" else OnlyModern(app)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=given.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()

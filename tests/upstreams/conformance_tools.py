"""The tools that the published MCP conformance suite calls, for `conformance.py`.

Names, texts and schemas are the ones that the suite's scenarios describe. A tool is a handler of
`(context, params)` that gives a `CallToolResult`, or an `InputRequiredResult` (2026-07-28) where it needs an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ToolsListChanged
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

Context = ServerRequestContext[Any, Any]
Handler = Callable[[Context, types.CallToolRequestParams], Awaitable[types.CallToolResult | types.InputRequiredResult]]

bus = InMemorySubscriptionBus()
"""Where the `test_trigger_*` tools say that a list changed."""
changes = {"tools": 0, "prompts": 0}
"""How often each list changed: its last entry is named by this number."""


@dataclass(frozen=True)
class Tool:
    """One tool: what is listed of it, and what it does."""

    handler: Handler
    properties: dict[str, Any] = field(default_factory=dict)
    required: bool = True
    """Whether all properties are."""
    schema: dict[str, Any] | None = None

    @property
    def input_schema(self) -> dict[str, Any]:
        required = sorted(self.properties) if self.required else []
        return self.schema or {"type": "object", "properties": self.properties, "required": required}


def text(said: str) -> types.CallToolResult:
    """A result of one text block."""
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)])


def _embedded(uri: str, mime_type: str, content: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=content)
    )


def _gives(*blocks: types.ContentBlock, is_error: bool = False) -> Handler:
    async def handler(_context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
        return types.CallToolResult(content=list(blocks), is_error=is_error)

    return handler


_IMAGE = types.ImageContent(type="image", data=PNG, mime_type="image/png")


async def _logging(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", said, related_request_id=context.request_id)
        await asyncio.sleep(0.05)
    return text("Tool with logging executed successfully")


async def _progress(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return text("Tool with progress executed successfully")


async def _reconnection(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    await context.session.send_log_message("info", "Before the stream ends", related_request_id=context.request_id)
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
        await asyncio.sleep(0.2)
    await context.session.send_log_message("info", "After it was taken up again", related_request_id=context.request_id)
    return text("Reconnection test completed")


async def _sampling(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    asked = types.TextContent(type="text", text=str((params.arguments or {})["prompt"]))
    answer = await context.session.create_message(
        [types.SamplingMessage(role="user", content=asked)], max_tokens=100, related_request_id=context.request_id
    )
    said = answer.content.text if isinstance(answer.content, types.TextContent) else "No response"
    return text(f"LLM response: {said}")


def _asks(properties: dict[str, Any], required: list[str], message: str | None = None) -> Handler:
    """Elicits a form from a client of the 2025 era, and gives what it said."""

    async def handler(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        said = message or str((params.arguments or {})["message"])
        schema = {"type": "object", "properties": properties, "required": required}
        answer = await context.session.elicit_form(said, schema, related_request_id=context.request_id)
        return text(f"Elicitation completed: action={answer.action}, content={answer.content}")

    return handler


async def _missing_capability(context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is required", {"requiredCapabilities": {"sampling": {}}}
        )
    return text("Sampling is declared")


def _changes(kind: str, event: ToolsListChanged | PromptsListChanged) -> Handler:
    async def handler(_context: Context, _params: types.CallToolRequestParams) -> types.CallToolResult:
        changes[kind] += 1
        await bus.publish(event)
        return text(f"Changed for the {changes[kind]}. time")

    return handler


async def _region(_context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    return text(f"region={(params.arguments or {}).get('region')}")


_DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_OPTIONS = ["option1", "option2", "option3"]
_TITLED = [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]
_ENUMS = {
    "untitledSingle": {"type": "string", "enum": _OPTIONS},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}
_SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
_STRING = {"type": "string"}

TOOLS: dict[str, Tool] = {
    "test_simple_text": Tool(_gives(types.TextContent(type="text", text="This is a simple text response for testing."))),
    "test_image_content": Tool(_gives(_IMAGE)),
    "test_audio_content": Tool(_gives(types.AudioContent(type="audio", data=WAV, mime_type="audio/wav"))),
    "test_embedded_resource": Tool(
        _gives(_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))
    ),
    "test_multiple_content_types": Tool(
        _gives(
            types.TextContent(type="text", text="Multiple content types test:"),
            _IMAGE,
            _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        )
    ),
    "test_error_handling": Tool(
        _gives(types.TextContent(type="text", text="This tool intentionally returns an error for testing"), is_error=True)
    ),
    "test_tool_with_logging": Tool(_logging),
    "test_logging_tool": Tool(_logging),
    "test_tool_with_progress": Tool(_progress),
    "test_reconnection": Tool(_reconnection),
    "test_sampling": Tool(_sampling, {"prompt": _STRING}),
    "test_elicitation": Tool(_asks({"username": _STRING, "email": _STRING}, ["username", "email"]), {"message": _STRING}),
    "test_elicitation_sep1034_defaults": Tool(_asks(_DEFAULTS, [], "Please provide user information")),
    "test_elicitation_sep1330_enums": Tool(_asks(_ENUMS, [], "Please choose")),
    "test_missing_capability": Tool(_missing_capability),
    "test_trigger_tool_change": Tool(_changes("tools", ToolsListChanged())),
    "test_trigger_prompt_change": Tool(_changes("prompts", PromptsListChanged())),
    "test_x_mcp_header": Tool(_region, {"region": {"type": "string", "x-mcp-header": "Region"}}, required=False),
    "json_schema_2020_12_tool": Tool(_gives(types.TextContent(type="text", text="valid")), schema=_SCHEMA_2020_12),
}

"""What `everything.py` has beside its plain tools: prompts, resources, completion, logging, questions to the client.

Prompts: `greet(name)`. Resources: `note://counter`, `note://other`, template `note://item/{id}`. Completion of `greet`'s
name. Tools: `touch(uri)` (the resource changed), `log_all()` (a message of each level), `levels()` (what
`logging/setLevel` set so far), `subscriptions()` (what is subscribed), `end_listening()` (ends the stream that belongs to
no request), `ask_name()` (in either era), `ask_model(prompt)`, `ask_roots()` (2025 era), `ask_beside()` (on the stream that
belongs to no request), `remember(text)`, `recall()` (by session), `client()` (what the client said of itself).
"""

import json
from collections import defaultdict
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.session import ServerSession

Ctx = Context[Any, Any]
Raw = ServerRequestContext[Any, Any]

_NAME_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_LEVELS: tuple[types.LoggingLevel, ...] = ("debug", "info", "notice", "warning", "error")

_subscribed: dict[str, dict[str, ServerSession]] = defaultdict(dict)
_set: list[str] = []
_remembered: dict[str, str] = {}
_counts: dict[str, int] = defaultdict(int)


def _session_key(context: Raw) -> str:
    request = context.request
    if request is None:
        return ""
    return str(request.headers.get("mcp-session-id") or request.query_params.get("session_id") or "")


def _is_modern(ctx: Ctx) -> bool:
    return (ctx.request_context.protocol_version or "") >= "2026"


def _asks(key: str, asked: types.InputRequest) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests={key: asked}, request_state=f"asked for {key}")


def add_features(server: MCPServer[Any]) -> None:
    """Register all of it."""
    _add_content(server)
    _add_handlers(server)
    _add_telling(server)
    _add_questions(server)
    _add_state(server)


def _add_content(server: MCPServer[Any]) -> None:
    @server.prompt()
    def greet(name: str) -> str:
        """Greet someone."""
        return f"Greet {name}."

    @server.resource("note://counter", mime_type="text/plain")
    def counter() -> str:
        """How often it was touched."""
        return str(_counts["note://counter"])

    @server.resource("note://other", mime_type="text/plain")
    def other() -> str:
        """Another one."""
        return "other"

    @server.resource("note://item/{item_id}")
    def item(item_id: str) -> str:
        """By its id."""
        return f"item {item_id}"


def _add_handlers(server: MCPServer[Any]) -> None:
    """Completion, and what the SDK's high-level server leaves out of the 2025 era."""
    lowlevel = server._lowlevel_server

    async def complete(context: Raw, params: types.CompleteRequestParams) -> types.CompleteResult:
        names = [name for name in ("ada", "alan", "grace") if name.startswith(params.argument.value)]
        return types.CompleteResult(completion=types.Completion(values=names, total=len(names), has_more=False))

    async def subscribe(context: Raw, params: types.SubscribeRequestParams) -> types.EmptyResult:
        _subscribed[str(params.uri)][_session_key(context)] = context.session
        return types.EmptyResult()

    async def unsubscribe(context: Raw, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        _subscribed[str(params.uri)].pop(_session_key(context), None)
        return types.EmptyResult()

    async def set_level(context: Raw, params: types.SetLevelRequestParams) -> types.EmptyResult:
        _set.append(params.level)
        return types.EmptyResult()

    lowlevel.add_request_handler("completion/complete", types.CompleteRequestParams, complete)
    lowlevel.add_request_handler("resources/subscribe", types.SubscribeRequestParams, subscribe)
    lowlevel.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, unsubscribe)
    lowlevel.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)


def _add_telling(server: MCPServer[Any]) -> None:
    @server.tool()
    async def touch(uri: str, ctx: Ctx) -> str:
        """Change a resource, and tell everyone who watches it."""
        _counts[uri] += 1
        await ctx.notify_resource_updated(uri)
        for session in list(_subscribed[uri].values()):
            await session.send_resource_updated(uri)
        return str(_counts[uri])

    @server.tool()
    async def log_all(ctx: Ctx) -> str:
        """Log one message of each level."""
        for level in _LEVELS:
            await ctx.session.send_log_message(level, f"at {level}", related_request_id=ctx.request_id)
        return "logged"

    @server.tool()
    async def end_listening(ctx: Ctx) -> str:
        """End the stream that belongs to no request (2025 era)."""
        await ctx.close_standalone_sse_stream()
        return "ended"

    @server.tool()
    def levels() -> str:
        """What was set with logging/setLevel."""
        return json.dumps(_set)

    @server.tool()
    def subscriptions() -> str:
        """Which resources are subscribed, by how many sessions."""
        return json.dumps({uri: len(sessions) for uri, sessions in sorted(_subscribed.items()) if sessions})


def _add_questions(server: MCPServer[Any]) -> None:
    @server.tool()
    async def ask_name(ctx: Ctx) -> types.CallToolResult | types.InputRequiredResult:
        """Elicit a name."""
        if _is_modern(ctx):
            given = (ctx.input_responses or {}).get("name")
            if given is None:
                params = types.ElicitRequestFormParams(message="Your name?", requested_schema=_NAME_SCHEMA)
                return _asks("name", types.ElicitRequest(params=params))
            return _text(f"{given.model_dump(by_alias=True, exclude_none=True)} {ctx.request_state}")
        answer = await ctx.session.elicit_form("Your name?", _NAME_SCHEMA, related_request_id=ctx.request_id)
        return _text(f"{answer.action} {answer.content}")

    @server.tool()
    async def ask_beside(ctx: Ctx) -> str:
        """Elicit a name on the stream that belongs to no request (2025 era)."""
        answer = await ctx.session.elicit_form("Your name?", _NAME_SCHEMA)
        return f"{answer.action} {answer.content}"

    @server.tool()
    async def ask_model(prompt: str, ctx: Ctx) -> str:
        """Sample from the client's model (2025 era)."""
        said = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
        answer = await ctx.session.create_message([said], max_tokens=10, related_request_id=ctx.request_id)
        return answer.content.text if isinstance(answer.content, types.TextContent) else "?"

    @server.tool()
    async def ask_roots(ctx: Ctx) -> str:
        """List the client's roots (2025 era)."""
        return json.dumps([str(root.uri) for root in (await ctx.session.list_roots()).roots])


def _add_state(server: MCPServer[Any]) -> None:
    @server.tool()
    def remember(text: str, ctx: Ctx) -> str:
        """Keep a text in the session."""
        _remembered[_session_key(ctx.request_context)] = text
        return "remembered"

    @server.tool()
    def recall(ctx: Ctx) -> str:
        """What was kept in this session."""
        return _remembered.get(_session_key(ctx.request_context), "nothing")

    @server.tool()
    def client(ctx: Ctx) -> str:
        """What the client said of itself."""
        declared = ctx.client_capabilities
        params = ctx.session.client_params
        return json.dumps(
            {
                "capabilities": None if declared is None else declared.model_dump(by_alias=True, exclude_none=True),
                "name": None if params is None else params.client_info.name,
            }
        )


def _text(said: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)])

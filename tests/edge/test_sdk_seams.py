"""Fails when the MCP SDK moves what `edge/sdk.py`, `edge/parse.py` and `edge/calls.py` use of it, most of it provisional.

First the shape of each seam, then what a client gets through the SDK in both eras: a dict of ours leaves untouched.
"""

import asyncio
import dataclasses
import inspect
import json
from typing import Any

import mcp_types
import pytest
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared import inbound
from mcp.shared.exceptions import MCPError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from edge.sdk import PRINCIPAL_KEY, Shell
from shared.errors import InvalidParams
from shared.identity import Principal
from tests.client import ENVELOPE, MODERN
from tests.edge.asgi import Answer, Headers, ask

OWNER = Principal(subject="owner", owner=True)
LEGACY = [version for version in HANDSHAKE_PROTOCOL_VERSIONS if version != "2024-11-05"]
ERAS = [MODERN, *LEGACY]

TOOL: dict[str, Any] = {
    "name": "demo_act",
    "inputSchema": {"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema", "x-own": [None]},
    "annotations": {"readOnlyHint": True, "x-hint": "kept"},
    "securitySchemes": [{"type": "noauth"}],
    "x-unknown": {"deep": [1, 1.5, None, {"é": "\u2028"}]},
    "_meta": {"null": None},
}
LISTED: dict[str, Any] = {"tools": [TOOL], "nextCursor": "c", "x-top": {"a": None}, "_meta": {"k": None}}


def parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def test_the_server_takes_what_we_give_it_and_has_a_list_of_middleware() -> None:
    wanted = {"name", "version", "title", "instructions", "on_list_tools", "on_call_tool", "get_tool_input_schema"}
    assert wanted <= parameters(Server.__init__)
    assert isinstance(Server("x").middleware, list)


def test_the_session_manager_takes_requests_and_lives_in_a_context() -> None:
    assert {"app", "stateless", "json_response"} <= parameters(StreamableHTTPSessionManager.__init__)
    assert list(parameters(StreamableHTTPSessionManager.handle_request) - {"self"}) != []
    manager = StreamableHTTPSessionManager(Server("x"), stateless=True, json_response=True)
    assert hasattr(manager.run(), "__aenter__")


def test_the_context_of_a_request_has_what_the_gateway_reads() -> None:
    fields = {field.name for field in dataclasses.fields(ServerRequestContext)}
    assert {"method", "params", "request_id", "request", "protocol_version"} <= fields


def test_an_error_of_the_sdk_is_made_of_code_and_message() -> None:
    error = MCPError(-32602, "why")
    assert (error.error.code, error.error.message) == (-32602, "why")


def test_the_ladder_gives_code_message_and_data() -> None:
    assert {field.name for field in dataclasses.fields(inbound.InboundLadderRejection)} == {"code", "message", "data"}
    assert {"body", "headers"} <= parameters(inbound.classify_inbound_request)
    assert {"input_schema", "arguments", "headers"} <= parameters(inbound.validate_mcp_param_headers)
    assert parameters(inbound.find_duplicated_routing_header) == {"headers"}
    assert "requested" in parameters(inbound.unsupported_protocol_version_rejection)
    assert inbound.unsupported_protocol_version_rejection(MODERN) is None
    assert inbound.MCP_PARAM_HEADER_PREFIX == "Mcp-Param-"


def test_codes_and_versions_are_those_that_the_specification_names() -> None:
    assert (mcp_types.HEADER_MISMATCH, mcp_types.UNSUPPORTED_PROTOCOL_VERSION) == (-32020, -32022)
    assert mcp_types.PROTOCOL_VERSION_META_KEY == "io.modelcontextprotocol/protocolVersion"
    assert MODERN_PROTOCOL_VERSIONS == (MODERN,)
    assert tuple(LEGACY) == ("2025-03-26", "2025-06-18", "2025-11-25")
    statuses = {code: inbound.ERROR_CODE_HTTP_STATUS[code] for code in (-32700, -32600, -32602, -32020, -32022, -32601)}
    assert statuses == {-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32022: 400, -32601: 404}


def test_a_parameter_header_is_held_against_the_argument() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}}
    for headers, arguments, fits in [
        ({"mcp-param-n": "42"}, {"n": 42}, True),
        ({"mcp-param-n": "42.0"}, {"n": 42}, True),
        ({"mcp-param-n": "43"}, {"n": 42}, False),
        ({}, {"n": 42}, False),
        ({"mcp-param-n": "42"}, {}, False),
        ({"mcp-param-other": "1"}, {}, True),
    ]:
        rejection = inbound.validate_mcp_param_headers(schema, arguments, headers)
        assert (rejection is None) == fits
        assert rejection is None or rejection.code == -32020


def through(era: str, method: str, params: dict[str, Any] | None = None, list_tools: Any = None, **body: Any) -> Answer:
    """What a client gets through the shell alone."""
    headers: Headers = [
        ("host", "127.0.0.1:8123"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", era),
    ]
    if era == MODERN:
        headers.append(("mcp-method", method))
        params = {**(params or {}), "_meta": ENVELOPE}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}, **body}

    async def main() -> Answer:
        shell = Shell(list_tools or (lambda principal, cursor: dict(LISTED)), list_ttl_ms=60_000)
        async with shell.running():
            return await ask(shell.asgi, "POST", "/mcp", headers, json.dumps(message).encode(), **{PRINCIPAL_KEY: OWNER})

    return asyncio.run(main())


@pytest.mark.parametrize("era", ERAS)
def test_a_dict_of_the_middleware_leaves_with_everything_that_it_holds(era: str) -> None:
    answer = through(era, "tools/list")
    stamp = {"resultType": "complete", "ttlMs": 60_000, "cacheScope": "private"} if era == MODERN else {}
    assert answer.status == 200
    assert answer.json() == {"jsonrpc": "2.0", "id": 1, "result": {**LISTED, **stamp}}


@pytest.mark.parametrize("era", ERAS)
def test_a_list_is_never_for_a_shared_cache(era: str) -> None:
    answer = through(era, "tools/list")
    assert b"public" not in answer.body
    assert "public" not in answer.headers.get("cache-control", "")


@pytest.mark.parametrize("era", ERAS)
def test_principal_and_cursor_reach_the_listing(era: str) -> None:
    asked: list[tuple[Principal, object]] = []

    def list_tools(principal: Principal, cursor: object) -> dict[str, Any]:
        asked.append((principal, cursor))
        return {"tools": []}

    through(era, "tools/list", {"cursor": "here"}, list_tools)
    assert asked == [(OWNER, "here")]


@pytest.mark.parametrize("era", ERAS)
def test_a_refused_cursor_is_invalid_params(era: str) -> None:
    def list_tools(principal: Principal, cursor: object) -> dict[str, Any]:
        raise InvalidParams("The cursor is not one of this server's.")

    answer = through(era, "tools/list", {"cursor": "x"}, list_tools)
    assert answer.json()["error"]["code"] == -32602
    assert answer.json()["error"]["message"] == "The cursor is not one of this server's."


@pytest.mark.parametrize("era", ERAS)
def test_a_defect_of_ours_never_shows_its_text(era: str) -> None:
    def list_tools(principal: Principal, cursor: object) -> dict[str, Any]:
        raise RuntimeError("password=hunter2 in /etc/toolmesh")

    answer = through(era, "tools/list", None, list_tools)
    assert answer.json()["error"]["code"] == -32603
    assert b"hunter2" not in answer.body
    assert b"RuntimeError" not in answer.body


@pytest.mark.parametrize("era", ERAS)
def test_a_method_that_there_is_not_is_not_found(era: str) -> None:
    answer = through(era, "no/such/method")
    assert answer.json()["error"]["code"] == -32601
    assert answer.status == (404 if era == MODERN else 200)


@pytest.mark.parametrize("era", LEGACY)
def test_initialize_agrees_on_the_version_and_declares_tools_alone(era: str) -> None:
    hello = {"protocolVersion": era, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    answer = through(era, "initialize", hello)
    result = answer.json()["result"]
    assert result["protocolVersion"] == era
    assert set(result["capabilities"]) - {"experimental"} == {"tools"}
    assert result["serverInfo"]["name"] == "toolmesh"
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("params", [{}, {"protocolVersion": 1}, {"protocolVersion": "2025-11-25", "clientInfo": "x"}])
def test_a_broken_initialize_is_refused_without_an_inside_view(params: dict[str, Any]) -> None:
    answer = through("2025-11-25", "initialize", params)
    assert answer.json()["error"]["code"] == -32602
    assert b"pydantic" not in answer.body
    assert b"Traceback" not in answer.body


def test_discover_offers_both_eras() -> None:
    result = through(MODERN, "server/discover").json()["result"]
    assert MODERN in result["supportedVersions"]
    assert "tools" in result["capabilities"]


@pytest.mark.parametrize("era", LEGACY)
def test_ping_is_answered_without_a_session(era: str) -> None:
    assert through(era, "ping", id="p").json() == {"jsonrpc": "2.0", "id": "p", "result": {}}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("rpc_id", [0, -7, 2**53 + 1, "", "é\u2028"])
def test_an_id_comes_back_as_it_was_sent(era: str, rpc_id: int | str) -> None:
    found = through(era, "tools/list", id=rpc_id).json()["id"]
    assert found == rpc_id
    assert type(found) is type(rpc_id)

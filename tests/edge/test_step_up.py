"""How too little scope is answered: by status, or in a tool's result, each with a challenge that a client can follow."""

import json
from typing import Any

import pytest

from edge.exchange import Exchange, Send
from edge.external.scope_names import ScopeNames
from edge.oauth.resource import metadata_url
from edge.parse import Era, Message
from edge.sessions.store import Session
from edge.step_up import StepUp
from shared.errors import InsufficientScope
from shared.identity import Principal
from shared.messages import Client

PUBLIC = "https://mesh.example"
METADATA = f"{PUBLIC}/.well-known/oauth-protected-resource"
CHALLENGE = (
    'Bearer error="insufficient_scope", scope="tools:read tools:write", resource_metadata="{}", '
    'error_description="The access token does not have the scope that this needs"'
)
IN_RESULT = (
    'Bearer resource_metadata="{}", error="insufficient_scope", '
    'error_description="The access token does not have the scope that this needs", scope="tools:read tools:write"'
)
ERROR = InsufficientScope("Connect again.", data={"scope": "tools:read tools:write"})
INFO = "io.modelcontextprotocol/clientInfo"


async def nothing() -> Any:
    raise AssertionError("nobody reads here")


async def nowhere(message: Any) -> None:
    raise AssertionError("nobody writes here")


def asked(
    era: Era,
    *,
    agent: str = "",
    name: str = "",
    method: str = "tools/call",
    backend: str | None = None,
    session: Session | None = None,
    caller_id: str = "",
) -> Exchange:
    meta = {"_meta": {INFO: {"name": name, "version": "1"}}} if name else {}
    send: Send = nowhere
    return Exchange(
        principal=Principal(subject="ada", caller_id=caller_id, scopes=("tools:read",)),
        message=Message(era, method, "id-1", {"name": "up_touch", **meta}),
        body=b"",
        headers={"user-agent": agent} if agent else {},
        backend=backend,
        session=session,
        receive=nothing,
        send=send,
    )


def session_of(name: str, kind: str = "http") -> Session:
    client = Client(info=json.dumps({"name": name, "version": "1"}).encode(), era="legacy")
    fields: dict[str, Any] = {"kind": kind}
    return Session(
        digest="d" * 64, tenant="default", subject="ada", version="2025-11-25", client=client, created_ms=0, **fields
    )


@pytest.mark.parametrize(
    ("mode", "exchange", "as_result"),
    [
        ("auto", asked("modern"), False),
        ("auto", asked("modern", agent="curl/8 openai-mcp"), False),
        ("auto", asked("modern", name="my openai-mcp"), False),
        ("auto", asked("modern", agent="openai-mcp/1.0 (ChatGPT)"), True),
        ("auto", asked("modern", agent="OpenAI-MCP/1.0"), True),
        ("auto", asked("modern", name="openai-mcp"), True),
        ("auto", asked("legacy"), True),
        ("auto", asked("legacy", session=session_of("x")), True),
        ("http_403", asked("legacy", session=session_of("openai-mcp")), False),
        ("http_403", asked("modern", agent="openai-mcp/1.0"), False),
        ("tool_error", asked("modern"), True),
        ("Tool_Error", asked("modern"), True),
    ],
)
def test_the_form_is_what_the_setting_says_or_what_the_client_understands(
    mode: str, exchange: Exchange, as_result: bool
) -> None:
    status, body, headers = StepUp(PUBLIC, mode).render(exchange, ERROR)
    message = json.loads(body)
    assert message["id"] == "id-1"
    if not as_result:
        assert (status, headers) == (403, [(b"www-authenticate", CHALLENGE.format(f"{METADATA}/mcp").encode())])
        assert message["error"]["data"] == {
            "scope": "tools:read tools:write",
            "code": "insufficient_scope",
            "retryable": False,
        }
        return
    assert (status, headers) == (200, [])
    result = message["result"]
    assert result["isError"] is True
    assert result["content"] == [{"type": "text", "text": "[insufficient_scope] Connect again."}]
    assert result["_meta"] == {"mcp/www_authenticate": [IN_RESULT.format(f"{METADATA}/mcp")]}
    assert result["structuredContent"]["error"]["scope"] == "tools:read tools:write"
    assert ("resultType" in result) is (exchange.message.era == "modern")


@pytest.mark.parametrize(
    ("mapped", "scope"),
    [
        ({"mesh.r": ("tools:read",), "mesh.w": ("tools:write",)}, "mesh.r mesh.w"),
        ({"mesh.all": ("tools:read", "tools:write")}, "mesh.all"),
        ({"mesh.r": ("tools:read",)}, "mesh.r"),
    ],
)
def test_a_client_is_told_the_names_of_where_it_got_its_token(mapped: dict[str, tuple[str, ...]], scope: str) -> None:
    callers: list[str] = []

    def names(caller_id: str) -> ScopeNames:
        callers.append(caller_id)
        return ScopeNames(mapped)

    elsewhere = asked("modern", caller_id="https://idp.example#agent")
    _, body, headers = StepUp(PUBLIC, "http_403", names).render(elsewhere, ERROR)
    assert f'error="insufficient_scope", scope="{scope}", resource_metadata=' in headers[0][1].decode()
    assert json.loads(body)["error"]["data"]["scope"] == scope
    _, body, _ = StepUp(PUBLIC, "tool_error", names).render(elsewhere, ERROR)
    assert json.loads(body)["result"]["_meta"]["mcp/www_authenticate"][0].endswith(f', scope="{scope}"')
    assert callers == ["https://idp.example#agent"] * 2


def test_where_nothing_can_be_asked_for_no_scope_is_named() -> None:
    names = ScopeNames({"mesh.r": ("tools:read",)})
    error = InsufficientScope("Connect again.", data={"scope": "tools:write"})
    _, _, headers = StepUp(PUBLIC, "http_403", lambda caller_id: names).render(asked("modern"), error)
    said = headers[0][1].decode()
    assert "scope=" not in said
    assert said.startswith('Bearer error="insufficient_scope", resource_metadata=')


@pytest.mark.parametrize("mode", ["auto", "tool_error", "http_403"])
@pytest.mark.parametrize("method", ["prompts/get", "resources/read", "completion/complete", "tasks/update"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_is_no_tool_call_has_no_tool_s_result(mode: str, method: str, era: Era) -> None:
    status, body, headers = StepUp(PUBLIC, mode).render(asked(era, method=method, agent="openai-mcp/1.0"), ERROR)
    assert (status, "error" in json.loads(body), [name for name, _ in headers]) == (403, True, [b"www-authenticate"])


@pytest.mark.parametrize(
    ("exchange", "path"),
    [
        (asked("modern"), "/mcp"),
        (asked("modern", backend="up"), "/mcp/b/up"),
        (asked("legacy", backend="up", session=session_of("x")), "/mcp/b/up"),
        (asked("legacy", session=session_of("x", "sse")), "/sse"),
    ],
)
def test_the_challenge_names_the_metadata_of_the_resource_that_was_asked(exchange: Exchange, path: str) -> None:
    _, _, headers = StepUp(PUBLIC, "http_403").render(exchange, ERROR)
    assert f'resource_metadata="{METADATA}{path}"' in headers[0][1].decode()


@pytest.mark.parametrize(
    ("public_url", "path", "expected"),
    [
        ("https://h", "/mcp", "https://h/.well-known/oauth-protected-resource/mcp"),
        ("https://h/x", "/mcp", "https://h/.well-known/oauth-protected-resource/x/mcp"),
        ("https://h:8443/x/y", "/mcp/b/up", "https://h:8443/.well-known/oauth-protected-resource/x/y/mcp/b/up"),
        ("http://127.0.0.1:8123", "/sse", "http://127.0.0.1:8123/.well-known/oauth-protected-resource/sse"),
    ],
)
def test_metadata_lies_between_host_and_path(public_url: str, path: str, expected: str) -> None:
    assert metadata_url(public_url, path) == expected

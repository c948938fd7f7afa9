"""What ChatGPT leaves out of a request of the 2026 era is filled in; what contradicts is not, and nobody else's is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.lenience import Lenience
from edge.parse import Message, parse_message
from edge.problems import Refusal
from tests.client import MODERN

PREFIX = "io.modelcontextprotocol/"
VERSION, INFO, CAPABILITIES = f"{PREFIX}protocolVersion", f"{PREFIX}clientInfo", f"{PREFIX}clientCapabilities"
AGENT = "openai-mcp/1.0.0 (ChatGPT)"
CHATGPT = {"name": "openai-mcp", "version": "1.0.0"}
FULL = {VERSION: MODERN, INFO: CHATGPT, CAPABILITIES: {"extensions": {}}}
PARAMS, MISMATCH, UNSUPPORTED = -32602, -32020, -32022
HEADERS = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "b_tool"}


def read(
    meta: object = ...,
    headers: dict[str, str] | None = None,
    *,
    method: str = "tools/call",
    params: dict[str, Any] | None = None,
    lenience: Lenience | None = None,
    **members: Any,
) -> tuple[Message, dict[str, str]]:
    """A request, read as an edge does; gives the message, and its headers as they are then. What is `...` is left out."""
    params = {"name": "b_tool", "arguments": {}} if params is None else params
    if meta is not ...:
        params = {**params, "_meta": meta}
    value = {"jsonrpc": "2.0", "id": "openai-mcp-discover", "method": method, "params": params or ..., **members}
    body = json.dumps({name: member for name, member in value.items() if member is not ...}).encode()
    found = dict(headers or {})
    raw = [(name.encode(), value.encode()) for name, value in found.items()]
    message = parse_message(body, found, raw, 64, lenience or Lenience(("OpenAI-MCP",)))
    assert isinstance(message, Message)
    return message, found


def refused(*given: Any, **more: Any) -> int:
    with pytest.raises(Refusal) as caught:
        read(*given, **more)
    assert caught.value.http_status == 400
    return caught.value.rpc_code


def without(whole: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name not in names}


@pytest.mark.parametrize("absent", list(HEADERS))
def test_a_header_that_is_absent_is_what_the_body_says(absent: str) -> None:
    message, headers = read(FULL, without(HEADERS, absent))
    assert headers == HEADERS
    assert (message.era, message.id) == ("modern", "openai-mcp-discover")


def test_all_headers_may_be_absent_and_the_name_in_client_info_is_enough() -> None:
    lenience = Lenience(("openai-mcp",))
    message, headers = read(FULL, lenience=lenience)
    assert message.era == "modern"
    assert headers == HEADERS
    assert lenience.requests == 1


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("server/discover", {}, None),
        ("tools/list", {"cursor": "x"}, None),
        ("prompts/get", {"name": "b_prompt"}, "b_prompt"),
        ("resources/read", {"uri": "b+note://7"}, "b+note://7"),
        ("tools/call", {"name": "grüße"}, "=?base64?Z3LDvMOfZQ==?="),
        ("tasks/get", {"taskId": "t1"}, "t1"),
        ("tools/call", {}, None),
    ],
)
def test_the_name_is_filled_in_where_the_method_has_one(method: str, params: dict[str, Any], name: str | None) -> None:
    message, headers = read(FULL, method=method, params=params)
    assert message.method == method
    assert headers.get("mcp-name") == name


@pytest.mark.parametrize(
    "meta",
    [
        without(FULL, CAPABILITIES),
        without(FULL, VERSION),
        without(FULL, INFO),
        without(FULL, VERSION, INFO, CAPABILITIES),
        {"openai/session": "v1/x"},
        {},
        None,
        ...,
    ],
)
def test_a_member_of_the_envelope_that_is_absent_is_what_the_headers_say(meta: Any) -> None:
    message, _ = read(meta, HEADERS | {"user-agent": AGENT})
    assert message.era == "modern"
    found = message.params["_meta"]
    assert found[VERSION] == MODERN
    assert found[CAPABILITIES] == (meta.get(CAPABILITIES, {}) if isinstance(meta, dict) else {})
    assert {name: value for name, value in found.items() if name.startswith("openai/")} == (
        {"openai/session": "v1/x"} if isinstance(meta, dict) and "openai/session" in meta else {}
    )


def test_a_request_without_params_gets_them() -> None:
    headers = {"user-agent": AGENT, "mcp-protocol-version": MODERN}
    message, _ = read(method="server/discover", params={}, headers=headers)
    assert message.params["_meta"] == {VERSION: MODERN, CAPABILITIES: {}}


def test_a_notification_without_headers_is_taken_too() -> None:
    message, _ = read(FULL, id=...)
    assert message.id is None


@pytest.mark.parametrize(
    ("meta", "headers", "code"),
    [
        (FULL, HEADERS | {"mcp-method": "tools/list"}, MISMATCH),
        (FULL, HEADERS | {"mcp-method": ""}, MISMATCH),
        (FULL, HEADERS | {"mcp-name": "b_other"}, MISMATCH),
        (FULL, HEADERS | {"mcp-protocol-version": "2025-11-25"}, MISMATCH),
        (FULL, HEADERS | {"mcp-protocol-version": ""}, MISMATCH),
        (FULL | {VERSION: "2099-01-01"}, {}, UNSUPPORTED),
        (FULL | {VERSION: None}, HEADERS, MISMATCH),
        (FULL | {VERSION: None}, {}, MISMATCH),
        (FULL | {VERSION: 7}, {}, MISMATCH),
        (without(FULL, CAPABILITIES), HEADERS | {"mcp-name": "b_other"}, MISMATCH),
        ([], HEADERS | {"user-agent": AGENT}, PARAMS),
        ("x", HEADERS | {"user-agent": AGENT}, PARAMS),
    ],
)
def test_what_contradicts_or_is_no_envelope_is_refused_as_ever(meta: Any, headers: dict[str, str], code: int) -> None:
    assert refused(meta, headers) == code


@pytest.mark.parametrize(
    ("agent", "info"),
    [
        ("", {"name": "tests", "version": "0"}),
        ("Mozilla/5.0 openai-mcp", {"name": "my openai-mcp", "version": "0"}),
        ("Claude-User", {"name": "Anthropic/ClaudeAI"}),
        ("", "openai-mcp"),
        ("", {"name": ["openai-mcp"]}),
        ("", None),
    ],
)
def test_the_envelope_of_everybody_else_is_strict(agent: str, info: Any) -> None:
    headers = {"user-agent": agent} if agent else {}
    lenience = Lenience(("openai-mcp",))
    assert refused(FULL | {INFO: info}, headers, lenience=lenience) == MISMATCH
    assert refused({VERSION: MODERN, INFO: info}, HEADERS | headers, lenience=lenience) == PARAMS
    assert lenience.requests == 0


def test_nobody_is_let_pass_where_the_operator_names_none() -> None:
    for clients in ((), ("",)):
        assert refused(FULL, {"user-agent": AGENT}, lenience=Lenience(clients)) == MISMATCH
    with pytest.raises(Refusal):
        parse_message(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"_meta": FULL}}).encode(), {}, [], 64
        )


def test_without_a_version_anywhere_it_is_a_request_of_the_2025_era() -> None:
    message, headers = read(without(FULL, VERSION), {"user-agent": AGENT, "mcp-method": "tools/call"})
    assert message.era == "legacy"
    assert "mcp-name" not in headers


def test_a_request_that_has_all_is_not_counted() -> None:
    lenience = Lenience(("openai-mcp",))
    for _ in range(3):
        read(FULL, HEADERS, lenience=lenience)
    read(without(FULL, INFO), HEADERS | {"user-agent": AGENT}, lenience=lenience)
    assert lenience.requests == 0


SCHEMA = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "text": {}}}


def test_headers_of_parameters_are_filled_in_for_it_and_nobody_else() -> None:
    lenience = Lenience(("openai-mcp",))
    arguments = {"region": "eu", "text": "x"}
    headers = {"user-agent": AGENT}
    assert lenience.complete_parameters(SCHEMA, arguments, {}, headers)
    assert headers == {"user-agent": AGENT, "mcp-param-region": "eu"}
    assert not lenience.complete_parameters(SCHEMA, arguments, {}, {"user-agent": AGENT, "mcp-param-region": "us"})
    assert not lenience.complete_parameters(SCHEMA, arguments, {}, {"user-agent": "curl"})
    assert lenience.requests == 1


@given(
    st.sets(st.sampled_from(sorted(HEADERS))),
    st.sets(st.sampled_from([VERSION, INFO, CAPABILITIES])),
    st.dictionaries(st.sampled_from(sorted(HEADERS)), st.sampled_from(["2025-11-25", "tools/list", "x", ""]), max_size=1),
)
def test_whatever_is_absent_the_request_is_read_as_the_whole_one_or_refused(
    no_headers: set[str], no_members: set[str], wrong: dict[str, str]
) -> None:
    headers = without(HEADERS | wrong, *no_headers) | {"user-agent": AGENT}
    kept_wrong = {name: value for name, value in wrong.items() if name in headers}
    try:
        message, filled = read(without(FULL, *no_members), headers)
    except Refusal as refusal:
        assert kept_wrong
        assert refusal.rpc_code in (MISMATCH, UNSUPPORTED)
        return
    if message.era == "legacy":
        assert kept_wrong or (VERSION in no_members and "mcp-protocol-version" in no_headers)
        return
    assert {name: filled[name] for name in HEADERS} == HEADERS
    assert {VERSION, CAPABILITIES} <= message.params["_meta"].keys()

"""What we write into headers is what the SDK's server side reads out of them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared import inbound

from tests.upstreams.invocations import invocation
from workers.backends.mcp_protocol.parameter_headers import declared_headers, parameter_headers
from workers.backends.mcp_protocol.wire import header_value, relayed


@given(st.text(max_size=40))
def test_any_text_survives_a_header(text: str) -> None:
    written = header_value(text)
    assert written.isascii()
    assert "\n" not in written
    assert inbound.decode_header_value(written) == text


SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "deep": {"type": "object", "properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
        "flag": {"type": "boolean", "x-mcp-header": "Flag"},
        "plain": {"type": "string", "default": {"x-mcp-header": "not a schema"}},
    },
}
leaf = st.none() | st.text(max_size=9)


@given(
    region=leaf,
    count=st.none() | st.integers(-(2**60), 2**60),
    flag=st.none() | st.booleans(),
)
def test_declared_arguments_match_what_the_sdk_expects(region: str | None, count: int | None, flag: bool | None) -> None:
    arguments = {"region": region, "deep": {"count": count}, "flag": flag}
    declared = declared_headers(msgspec.json.encode({"name": "t", "inputSchema": SCHEMA}))
    headers = parameter_headers(declared, msgspec.json.encode(arguments))
    assert inbound.validate_mcp_param_headers(SCHEMA, arguments, headers) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "x-mcp-header": "A"},
        {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "not a token"}}},
        {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": 1}}},
        {"type": "object", "properties": {"a": {"type": ["string"], "x-mcp-header": "A"}}},
        {"type": "object", "items": {"type": "string", "x-mcp-header": "A"}},
        {"type": "object", "anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}},
        },
    ],
)
def test_a_wrong_declaration_is_refused_as_the_sdk_refuses_it(schema: dict[str, object]) -> None:
    assert inbound.find_invalid_x_mcp_header(schema) is not None
    with pytest.raises(ValueError, match="header"):
        declared_headers(msgspec.json.encode({"name": "t", "inputSchema": schema}))


@pytest.mark.parametrize("name", ["echo", "naïve", " edge ", "a.b-c_d"])
def test_a_modern_call_passes_the_sdks_ladder(name: str) -> None:
    request = relayed(7, invocation(name, {"a": 1}, meta=b' { "x" : 1 } ', wants_progress=True), modern=True)
    headers = {k.lower(): v for k, v in request.headers.items()} | {"mcp-protocol-version": "2026-07-28"}
    body = msgspec.json.decode(request.body)
    verdict = inbound.classify_inbound_request(body, headers=headers)
    assert isinstance(verdict, inbound.InboundModernRoute)
    assert body["params"]["_meta"]["x"] == 1
    assert body["params"]["_meta"]["progressToken"] == 7


@pytest.mark.parametrize("meta", [b"", b"{}", b" { } ", b'{"progressToken":9}', b'{"progress\\u0054oken":9}'])
def test_a_legacy_call_without_meta_has_none(meta: bytes) -> None:
    request = relayed(7, invocation("echo", meta=meta), modern=False)
    assert msgspec.json.decode(request.body)["params"] == {"name": "echo", "arguments": {}}

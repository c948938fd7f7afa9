"""Arguments that go into headers of MCP: under a name of `Mcp-Param-…`, and never with the end of a line in them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.backends.mcp_protocol.parameter_headers import declared_headers, parameter_headers
from workers.backends.mcp_protocol.wire import request


@given(st.text(max_size=60))
def test_no_value_ends_a_line_or_leaves_ascii(value: str) -> None:
    arguments = msgspec.json.encode({"a": value})
    for header in (parameter_headers({("a",): "Mcp-Param-A"}, arguments)["Mcp-Param-A"], named(value)):
        assert header.isascii()
        assert header.isprintable()
        assert header == header.strip()


def named(uri: str) -> str:
    return request(1, "resources/read", modern=True, name=uri).headers["Mcp-Name"]


@pytest.mark.parametrize("token", ["Authorization", "Host", "X-Forwarded-For", "Cookie"])
def test_what_a_server_calls_its_header_stays_behind_the_prefix(token: str) -> None:
    definition = {"inputSchema": {"properties": {"a": {"type": "string", "x-mcp-header": token}}}}
    assert declared_headers(msgspec.json.encode(definition)) == {("a",): f"Mcp-Param-{token}"}


@pytest.mark.parametrize("token", ["", "a b", "a:b", "a\r\nHost: x", "ä", "\x00", "x" * 129, 7, None])
def test_what_is_no_header_name_is_no_declaration(token: object) -> None:
    definition = {"inputSchema": {"properties": {"a": {"type": "string", "x-mcp-header": token}}}}
    with pytest.raises(ValueError, match="header name"):
        declared_headers(msgspec.json.encode(definition))

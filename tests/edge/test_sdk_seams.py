"""Fails when the MCP SDK moves what the edge uses of it: the ladder of the 2026 era, its codes, the sealing of states."""

import dataclasses
import inspect
from typing import Any

import mcp_types
import pytest
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState
from mcp.shared import inbound
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from tests.client import MODERN


def parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


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
    assert mcp_types.CLIENT_CAPABILITIES_META_KEY == "io.modelcontextprotocol/clientCapabilities"
    assert mcp_types.CLIENT_INFO_META_KEY == "io.modelcontextprotocol/clientInfo"
    assert mcp_types.LOG_LEVEL_META_KEY == "io.modelcontextprotocol/logLevel"
    assert MODERN_PROTOCOL_VERSIONS == (MODERN,)
    assert HANDSHAKE_PROTOCOL_VERSIONS == ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
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


def test_the_codec_opens_what_it_sealed_with_any_key_of_the_ring_and_nothing_else() -> None:
    old, new = b"o" * 32, b"n" * 32
    token = AESGCMRequestStateCodec([old]).seal(b"state")
    assert b"state" not in token.encode()
    assert AESGCMRequestStateCodec([new, old]).unseal(token) == b"state"
    for ring, sealed in [
        ([new], token),
        ([old], token[:-1] + ("A" if token[-1] != "A" else "B")),
        ([old], "v1.x"),
        ([old], ""),
    ]:
        with pytest.raises(InvalidRequestState):
            AESGCMRequestStateCodec(ring).unseal(sealed)

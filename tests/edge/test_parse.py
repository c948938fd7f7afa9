"""parse: one message that every reader reads alike, or the code that says why not (JSON-RPC 2.0, MCP 2026-07-28)."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.parse import Message, Reply, parse_call, parse_message, parse_other
from edge.problems import Refusal
from tests.client import ENVELOPE, MODERN

DEPTH_MAX = 64
PARSE, REQUEST, PARAMS, MISMATCH, VERSION = -32700, -32600, -32602, -32020, -32022
NAMES = "".join(chr(c) for c in range(97, 123)) + "/"


def modern(method: str = "tools/list", params: dict[str, Any] | None = None, **changes: Any) -> bytes:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": ENVELOPE, **(params or {})}, **changes}
    return json.dumps(body).encode()


def legacy(**changes: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", **changes}).encode()


def headers(method: str = "tools/list", **more: str) -> list[tuple[str, str]]:
    given = {"mcp-protocol-version": MODERN, "mcp-method": method}
    return [*given.items(), *((name.replace("_", "-"), value) for name, value in more.items())]


def read(body: bytes, pairs: list[tuple[str, str]] | None = None, depth_max: int = DEPTH_MAX) -> Message | Reply:
    pairs = pairs or []
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return parse_message(body, joined, raw, depth_max)


def parse(body: bytes, pairs: list[tuple[str, str]] | None = None, depth_max: int = DEPTH_MAX) -> Message:
    message = read(body, pairs, depth_max)
    assert isinstance(message, Message)
    return message


def refusal(body: bytes, pairs: list[tuple[str, str]] | None = None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        parse(body, pairs)
    return refused.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        legacy()[:-1],
        legacy() + b"}",
        legacy() + legacy(),
        b"not json",
        b"\xef\xbb\xbf" + legacy(),
        legacy().decode().encode("utf-16"),
        legacy().decode().encode("utf-16-le"),
        legacy().replace(b'"id": 1', b'"id": NaN'),
        legacy().replace(b'"id": 1', b'"id": Infinity'),
        legacy().replace(b'"id": 1', b'"id": 1e999'),
        legacy().replace(b'"id": 1', b'"id": 01'),
        legacy().replace(b'"id": 1', b'"id": +1'),
        legacy().replace(b'"id": 1', b'"id": "\\ud800"'),
        legacy().replace(b'"id": 1', b'"id": "\\udc00\\ud800"'),
        legacy().replace(b'"id": 1', b'"id": "\xff"'),
        legacy().replace(b'"id": 1', b'"id": "\xed\xa0\x80"'),
        legacy().replace(b'"id": 1', b'"id": "\xc0\xaf"'),
        legacy().replace(b'"id": 1', b'"id": "a\nb"'),
        legacy().replace(b'"id": 1', b'"\xff": 1'),
        legacy().replace(b'"id": 1', b"'id': 1"),
        legacy().replace(b'"id": 1', b'"id": 1,'),
        legacy().replace(b'"id": 1', b'"id": ' + b"9" * 5000),
        b"/* a */" + legacy(),
    ],
)
def test_what_is_not_json_in_utf_8_is_a_parse_error(body: bytes) -> None:
    refused = refusal(body)
    assert (refused.http_status, refused.rpc_code, refused.rpc_id) == (400, PARSE, None)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[" + legacy() + b"]",
        b"[" + b",".join([legacy()] * 10_000) + b"]",
        b"[" + modern() + b"," + modern() + b"]",
        b"null",
        b"1",
        b'"tools/list"',
        b"true",
        b"{}",
        legacy(jsonrpc="1.0"),
        legacy(jsonrpc=2.0),
        legacy(jsonrpc=None),
        b'{"id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":1}',
        b'{"jsonrpc":"2.0","id":null,"result":{}}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":7,"result":{}}',
        b'{"JSONRPC":"2.0","ID":1,"METHOD":"ping"}',
        legacy(method=None),
        legacy(method=1),
        legacy(method=["tools/list"]),
        legacy(id=None),
        legacy(id=True),
        legacy(id=False),
        legacy(id=1.0),
        legacy(id=1.5),
        legacy(id={}),
        legacy(id=[1]),
        legacy(id="x" * 1025),
        legacy(id="x" * 10_000),
    ],
)
def test_what_is_json_and_no_request_is_an_invalid_request(body: bytes) -> None:
    refused = refusal(body)
    assert (refused.http_status, refused.rpc_code, refused.rpc_id) == (400, REQUEST, None)


@pytest.mark.parametrize("rpc_id", [0, -1, 1, 2**53 + 1, 2**64, -(10**30), "", "1", "x" * 1024, "é\u2028\0"])
def test_integers_and_strings_are_ids_and_stay_what_they_are(rpc_id: str | int) -> None:
    message = parse(legacy(id=rpc_id))
    assert message.id == rpc_id
    assert type(message.id) is type(rpc_id)


def test_a_message_without_an_id_is_a_notification() -> None:
    assert parse(b'{"jsonrpc":"2.0","method":"notifications/initialized"}').id is None
    assert parse(b'{"jsonrpc":"2.0","method":"x"}', headers()).id is None


@pytest.mark.parametrize("params", [None, [], ["a"], 1, "x", True])
def test_params_that_are_no_object_are_invalid_params_of_that_request(params: object) -> None:
    refused = refusal(legacy(id=7, params=params))
    assert (refused.http_status, refused.rpc_code, refused.rpc_id) == (400, PARAMS, 7)


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{"deep":[{"a":1,"a":1}]}}}',
    ],
)
def test_a_name_that_stands_twice_anywhere_is_an_invalid_request(body: bytes) -> None:
    refused = refusal(body)
    assert (refused.http_status, refused.rpc_code) == (400, REQUEST)
    assert "twice" in refused.message


def nested(levels: int) -> bytes:
    """A request whose deepest value lies that deep, the message itself counted."""
    deep = b"[" * (levels - 2) + b"]" * (levels - 2)
    return b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":%s}}' % deep


def test_the_deepest_body_that_is_allowed_passes_and_one_level_more_does_not() -> None:
    assert parse(nested(64)).method == "ping"
    refused = refusal(nested(65))
    assert (refused.http_status, refused.rpc_code) == (400, REQUEST)


@pytest.mark.parametrize("levels", [500, 999, 1000, 1001, 5_000, 200_000, 2_000_000])
def test_however_deep_a_body_is_it_is_an_invalid_request_and_never_a_crash(levels: int) -> None:
    refused = refusal(nested(levels))
    assert (refused.http_status, refused.rpc_code) == (400, REQUEST)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_deep_body_that_never_closes_is_refused_as_well(opening: bytes) -> None:
    assert refusal(opening * 100_000).http_status == 400


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_a_version_with_a_handshake_is_the_legacy_era(version: str) -> None:
    assert parse(legacy(), [("mcp-protocol-version", version)]).era == "legacy"


def test_no_version_at_all_is_the_legacy_era_and_a_full_envelope_the_modern_one() -> None:
    assert parse(legacy()).era == "legacy"
    assert parse(modern(), headers()).era == "modern"


CALL = {"name": "echo_echo", "arguments": {}}
UNKNOWN = "2099-01-01"


@pytest.mark.parametrize(
    ("body", "pairs", "code"),
    [
        (modern(), [], MISMATCH),
        (modern(), [("mcp-method", "tools/list")], MISMATCH),
        (modern(), [("mcp-protocol-version", "2025-11-25"), ("mcp-method", "tools/list")], MISMATCH),
        (modern(), [("mcp-protocol-version", UNKNOWN), ("mcp-method", "tools/list")], MISMATCH),
        (modern(), [("mcp-protocol-version", ""), ("mcp-method", "tools/list")], MISMATCH),
        (modern(), [("mcp-protocol-version", MODERN)], MISMATCH),
        (modern(), headers("tools/call"), MISMATCH),
        (modern(), headers("Tools/List"), MISMATCH),
        (modern(), [*headers(), ("mcp-method", "tools/list")], MISMATCH),
        (modern(), [*headers(), ("mcp-protocol-version", MODERN)], MISMATCH),
        (modern("tools/call", CALL), headers("tools/call"), MISMATCH),
        (modern("tools/call", CALL), headers("tools/call", mcp_name="echo_add"), MISMATCH),
        (modern("tools/call", CALL), headers("tools/call", mcp_name="ECHO_ECHO"), MISMATCH),
        (modern("tools/call", CALL), headers("tools/call", mcp_name="=?base64?!?="), MISMATCH),
        (modern("tools/call", CALL), [*headers("tools/call", mcp_name="echo_echo"), ("mcp-name", "x")], MISMATCH),
        (
            modern("tools/call", CALL),
            [*headers("tools/call", mcp_name="echo_echo"), ("mcp-param-a", "1"), ("mcp-param-a", "2")],
            MISMATCH,
        ),
        (legacy(params={"_meta": {next(iter(ENVELOPE)): None}}), [], PARAMS),
        (legacy(), headers(), PARAMS),
        (legacy(params={"_meta": None}), headers(), PARAMS),
        (legacy(params={"_meta": []}), headers(), PARAMS),
        (legacy(params={"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}), headers(), PARAMS),
        (legacy(), [("mcp-protocol-version", UNKNOWN)], PARAMS),
    ],
)
def test_header_and_body_that_do_not_say_the_same_are_refused(body: bytes, pairs: list[tuple[str, str]], code: int) -> None:
    refused = refusal(body, pairs)
    assert (refused.http_status, refused.rpc_code, refused.rpc_id) == (400, code, 1)


def test_a_version_that_nobody_has_is_answered_with_those_that_there_are() -> None:
    envelope = {**ENVELOPE, "io.modelcontextprotocol/protocolVersion": UNKNOWN}
    refused = refusal(legacy(params={"_meta": envelope}), [("mcp-protocol-version", UNKNOWN), ("mcp-method", "tools/list")])
    assert (refused.http_status, refused.rpc_code) == (400, VERSION)
    assert refused.data == {"supported": [MODERN], "requested": UNKNOWN}


def test_a_notification_of_a_version_that_nobody_has_is_refused_too() -> None:
    refused = refusal(b'{"jsonrpc":"2.0","method":"x"}', [("mcp-protocol-version", UNKNOWN)])
    assert (refused.http_status, refused.rpc_code, refused.rpc_id) == (400, VERSION, None)


def test_a_name_in_base64_is_the_name_that_it_stands_for() -> None:
    name = "=?base64?ZWNob19lY2hv?="
    assert parse(modern("tools/call", CALL), headers("tools/call", mcp_name=name)).era == "modern"


def call(params: dict[str, Any] | str, rpc_id: int = 5) -> Any:
    written = params if isinstance(params, str) else json.dumps(params)
    body = f'{{"jsonrpc":"2.0","id":{rpc_id},"method":"tools/call","params":{written}}}'
    return parse_call(body.encode(), parse(body.encode()))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": None},
        {"name": 1},
        {"name": ["echo_echo"]},
        {"name": "echo_echo", "arguments": []},
        {"name": "echo_echo", "arguments": "{}"},
        {"name": "echo_echo", "arguments": 1},
        {"name": "echo_echo", "arguments": False},
        {"name": "echo_echo", "_meta": []},
        {"name": "echo_echo", "_meta": "x"},
    ],
)
def test_a_call_s_params_of_the_wrong_kind_are_invalid_params(params: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        call(params)
    assert (refused.value.http_status, refused.value.rpc_code, refused.value.rpc_id) == (200, PARAMS, 5)


def test_arguments_pass_as_the_bytes_that_they_are() -> None:
    written = '{ "n": 1.10, "big": 123456789012345678901234567890, "s":"\\u00e9é", "e": 1E2 }'
    params = call('{"arguments": ' + written + ', "other": 1, "name": "echo_echo"}')
    assert params.raw_arguments == written.encode()
    assert params.name == "echo_echo"


@pytest.mark.parametrize("params", [{"name": "a"}, {"name": "a", "arguments": None}, {"name": "a", "_meta": None}])
def test_what_a_call_leaves_out_is_empty(params: dict[str, Any]) -> None:
    found = call(params)
    assert (found.arguments, found.raw_arguments, found.meta) == ({}, b"{}", {})


PIECES = st.sampled_from(
    ['"jsonrpc":"2.0"', '"id":1', '"id":null', '"method":"ping"', '"params":{}', '"params":{"_meta":{}}', '"a":[[{}]]']
)
HEADERS = st.sampled_from(
    [[], headers(), [("mcp-protocol-version", "2025-06-18")], [("mcp-protocol-version", UNKNOWN)], [("mcp-method", "x")]]
)


@given(st.lists(PIECES, max_size=6), HEADERS)
def test_any_pieces_of_a_request_make_a_message_or_a_refusal(pieces: list[str], pairs: list[tuple[str, str]]) -> None:
    try:
        message = parse(("{" + ",".join(pieces) + "}").encode(), pairs)
    except Refusal as refused:
        assert refused.http_status in (400, 404)
    else:
        assert message.method == "ping"


@given(st.binary(max_size=200), HEADERS)
@example(b'{"jsonrpc":"2.0","method":""}', [])
def test_noise_is_refused_unless_it_is_a_message_after_all(noise: bytes, pairs: list[tuple[str, str]]) -> None:
    try:
        message = read(noise, pairs)
    except Refusal:
        return
    value = json.loads(noise)
    assert value["jsonrpc"] == "2.0"
    if isinstance(message, Message):
        assert value["method"] == message.method != ""
    else:
        assert "method" not in value


@given(st.data())
def test_a_request_with_bytes_changed_is_a_message_or_a_refusal(data: st.DataObject) -> None:
    body = bytearray(modern("tools/call", CALL))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        message = parse(bytes(body), headers("tools/call", mcp_name="echo_echo"))
        parse_call(bytes(body), message)
    except Refusal as refused:
        assert refused.http_status in (200, 400)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"jsonrpc":"2.0","id":"q1","result":{"action":"accept","n":1.10}}', b'{"result":{"action":"accept","n":1.10}}'),
        (b'{"jsonrpc":"2.0","id":"q1","error":{"code":-1,"message":"no"}}', b'{"error":{"code":-1,"message":"no"}}'),
    ],
)
def test_a_client_of_the_2025_era_may_answer_and_its_words_are_kept(body: bytes, kept: bytes) -> None:
    assert parse_message(body, {}, [], DEPTH_MAX) == Reply("q1", kept)


def test_the_2026_era_has_no_answers() -> None:
    body = b'{"jsonrpc":"2.0","id":"q1","result":{}}'
    assert refusal(body, [("mcp-protocol-version", MODERN)]).rpc_code == REQUEST


def test_what_a_request_brings_back_is_kept_raw_in_the_2026_era_and_ignored_before() -> None:
    params = {"name": "t", "inputResponses": {"a": {"x": 1}}, "requestState": "s"}
    body = modern("tools/call", params)
    inputs = parse_call(body, parse(body, headers("tools/call", mcp_name="t"))).inputs
    assert inputs == {"inputResponses": b'{"a": {"x": 1}}', "requestState": b'"s"'}
    body = legacy(method="tools/call", params=params)
    assert parse_call(body, parse(body)).inputs == {}


def test_other_methods_keep_every_member_of_their_params_but_the_envelope() -> None:
    body = modern("prompts/get", {"name": "p", "x-own": [1.10], "requestState": "s"})
    params = parse_other(body, parse(body, headers("prompts/get", mcp_name="p")))
    assert params.members == {"name": b'"p"', "x-own": b"[1.1]"}
    assert (params.inputs, set(params.meta)) == ({"requestState": b'"s"'}, set(ENVELOPE))

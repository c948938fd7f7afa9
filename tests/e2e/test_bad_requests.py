"""Whatever is sent to a running edge, it answers with the code that the specification has for it, enqueues nothing and
records the denial (MCP 2026-07-28 transports; JSON-RPC 2.0; RFC 6750, RFC 9110, RFC 9728)."""

import json

import pytest

from tests.client import MODERN
from tests.e2e.target import (
    BODY_BYTES_MAX,
    CALL,
    LEGACY,
    MISMATCH,
    NO_METHOD,
    OLD_CALL,
    PARAMS,
    PARSE,
    REQUEST,
    STRANGER,
    VERSION,
    WRITER,
    Case,
    Target,
    check,
    new,
    of,
    old,
)
from tests.mesh import API_KEY

STRANGE_HOSTS = ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"]
STRANGE_ORIGINS = ["https://evil.example", "null", "https://chatgpt.com.evil.example", "http://chatgpt.com"]


@of(
    [Case(f"host {host}", 421, REQUEST, headers={"Host": host}, denied="bad_host") for host in STRANGE_HOSTS]
    + [Case(f"origin {name}", 403, REQUEST, headers={"Origin": name}, denied="bad_origin") for name in STRANGE_ORIGINS]
)
def test_a_foreign_host_or_origin_is_turned_away_whatever_key_it_has(target: Target, case: Case) -> None:
    check(target, case)


HELLO = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
ANYTHING = [
    Case("a call", 401, STRANGER),
    Case("a 2025-era call", 401, STRANGER, OLD_CALL, old=True),
    Case("initialize", 401, STRANGER, old(method="initialize", params=HELLO), old=True),
    Case("server/discover", 401, STRANGER, new("server/discover").body, {"Mcp-Method": "server/discover"}),
    Case("tools/list", 401, STRANGER, new("tools/list").body, {"Mcp-Method": "tools/list"}),
    Case("a notification", 401, STRANGER, b'{"jsonrpc":"2.0","method":"x"}'),
    Case("no JSON", 401, STRANGER, b"{"),
    Case("deep JSON", 401, STRANGER, b"[" * 200_000),
    Case("a batch", 401, STRANGER, b"[]"),
    Case("plain text", 401, STRANGER, headers={"Content-Type": "text/plain"}),
    Case("GET", 401, STRANGER, b"", method="GET"),
    Case("DELETE", 401, STRANGER, b"", method="DELETE"),
    Case("HEAD", 401, None, b"", method="HEAD"),
    Case("with a slash", 401, STRANGER, path="/mcp/"),
    Case("the key in the query", 401, STRANGER, path=f"/mcp?access_token={API_KEY}&api_key={API_KEY}"),
]
CREDENTIALS: dict[str, tuple[str | None, bool]] = {
    "none": (None, False),
    "empty": ("", False),
    "basic": (f"Basic {API_KEY}", False),
    "no scheme": (API_KEY, False),
    "unknown": ("Bearer tmk_unknown", True),
    "upper case": (f"Bearer {API_KEY.upper()}", True),
    "one more": (f"Bearer {API_KEY}x", True),
    "twice": (f"Bearer {API_KEY} {API_KEY}", True),
}


@of(ANYTHING)
def test_who_is_not_known_gets_nothing_but_a_challenge(target: Target, case: Case) -> None:
    headers = {**case.headers, "Authorization": None}
    case = Case(case.name, 401, case.code, case.body, headers, case.old, case.method, case.path, "unauthenticated")
    answer = check(target, case)
    metadata = f"{target.client.url}/.well-known/oauth-protected-resource{case.path.partition('?')[0]}"
    scope = 'scope="tools:read tools:write"'
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{metadata}", {scope}'
    assert answer.headers["cache-control"] == "no-store"
    assert API_KEY not in answer.text


@pytest.mark.parametrize(("credential", "presented"), CREDENTIALS.values(), ids=CREDENTIALS.keys())
def test_the_challenge_says_invalid_token_only_to_a_token(target: Target, credential: str | None, presented: bool) -> None:
    case = Case("", 401, STRANGER, headers={"Authorization": credential}, denied="unauthenticated")
    challenge = check(target, case).headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    assert ('error="invalid_token"' in challenge) == presented
    assert f'resource_metadata="{target.client.url}/.well-known/oauth-protected-resource/mcp"' in challenge


@pytest.mark.parametrize("path", ["", "/mcp"])
@pytest.mark.parametrize("host", [None, "evil.example", "evil.example:1"])
def test_the_resource_s_metadata_says_what_is_configured_and_not_what_the_request_says(
    target: Target, path: str, host: str | None
) -> None:
    spoofed = (
        {}
        if host is None
        else {"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "Forwarded": f"host={host}"}
    )
    answer = target.client.get(f"/.well-known/oauth-protected-resource{path}", **spoofed)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["resource"] == f"{target.client.url}/mcp"
    assert document["bearer_methods_supported"] == ["header"]
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "name", ["openid-configuration", "oauth-authorization-server/other", "oauth-protected-resource/other", "x/y"]
)
def test_any_other_well_known_document_is_a_json_404(target: Target, name: str) -> None:
    answer = target.client.get(f"/.well-known/{name}")
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


@of(
    [
        *(Case(m, 405, REQUEST, b"", method=m) for m in ("GET", "DELETE", "PUT", "PATCH")),
        Case("HEAD", 405, None, b"", method="HEAD"),
        Case("a 2025-era stream", 405, REQUEST, b"", {"Accept": "text/event-stream"}, old=True, method="GET"),
        Case("plain text", 415, REQUEST, headers={"Content-Type": "text/plain"}),
        Case("a form", 415, REQUEST, headers={"Content-Type": "application/x-www-form-urlencoded"}),
        Case("no content type", 415, REQUEST, headers={"Content-Type": None}),
        Case("jsonx", 415, REQUEST, headers={"Content-Type": "application/jsonx"}),
        Case("utf-16", 415, REQUEST, headers={"Content-Type": "application/json; charset=utf-16"}),
        Case("gzip", 415, REQUEST, headers={"Content-Encoding": "gzip"}),
        Case("JSON alone", 406, REQUEST, headers={"Accept": "application/json"}),
        Case("streams alone", 406, REQUEST, headers={"Accept": "text/event-stream"}),
        Case("HTML", 406, REQUEST, headers={"Accept": "text/html"}),
        Case("a session", 404, REQUEST, OLD_CALL, {"Mcp-Session-Id": "unknown"}, old=True),
    ]
)
def test_a_request_of_another_shape_is_refused(target: Target, case: Case) -> None:
    answer = check(target, case)
    assert answer.headers.get("allow") == ("POST" if case.status == 405 else None)


def test_a_session_id_that_a_client_chooses_for_itself_is_ignored(target: Target) -> None:
    """Session fixation: initialize starts afresh, and no id of the client's comes back."""
    about = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tests", "version": "0"}}
    body = old(method="initialize", params=about)
    answer = target.send(Case("chosen", 200, None, body, {"Mcp-Session-Id": "mine"}, old=True, denied=None))
    assert answer.status_code == 200
    assert answer.json()["result"]["protocolVersion"] == "2025-11-25"
    assert answer.headers["mcp-session-id"] != "mine"


def nested(levels: int) -> bytes:
    """A call whose deepest value lies that deep, the message itself counted."""
    deep = b"[" * (levels - 2) + b"]" * (levels - 2)
    return OLD_CALL.replace(b'"params": {', b'"params": {"x": %s, ' % deep)


@of(
    [
        Case("empty", 400, PARSE, b""),
        Case("cut", 400, PARSE, CALL[:-1]),
        Case("more behind", 400, PARSE, CALL + b"{}"),
        Case("BOM", 400, PARSE, b"\xef\xbb\xbf" + CALL),
        Case("UTF-16", 400, PARSE, CALL.decode().encode("utf-16")),
        Case("NaN", 400, PARSE, CALL.replace(b'"id": 1', b'"id": NaN')),
        Case("1e999", 400, PARSE, CALL.replace(b'"id": 1', b'"id": 1e999')),
        Case("lone surrogate", 400, PARSE, CALL.replace(b"must never", b"\\ud800")),
        Case("broken UTF-8", 400, PARSE, CALL.replace(b"must never", b"\xff")),
        Case("batch", 400, REQUEST, b"[" + CALL + b"]"),
        Case("empty batch", 400, REQUEST, b"[]"),
        Case("2025-03-26 batch", 400, REQUEST, b"[" + OLD_CALL + b"]", {"MCP-Protocol-Version": "2025-03-26"}, old=True),
        Case("batch of 10,000", 400, REQUEST, b"[" + b",".join([OLD_CALL] * 10_000) + b"]", old=True),
        Case("a number", 400, REQUEST, b"1"),
        Case("no version", 400, REQUEST, old(jsonrpc=...), old=True),
        Case("version 1.0", 400, REQUEST, old(jsonrpc="1.0"), old=True),
        Case("no method", 400, REQUEST, old(method=...), old=True),
        Case("a response", 400, REQUEST, b'{"jsonrpc":"2.0","id":1,"result":{}}', old=True),
        Case("a modern response", 400, REQUEST, b'{"jsonrpc":"2.0","id":1,"result":{}}'),
        Case("an error response", 400, REQUEST, b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}', old=True),
        Case("id null", 400, REQUEST, OLD_CALL.replace(b'"id": 1', b'"id": null'), old=True),
        Case("id true", 400, REQUEST, old(id=True), old=True),
        Case("id 1.5", 400, REQUEST, old(id=1.5), old=True),
        Case("id object", 400, REQUEST, old(id={}), old=True),
        Case("id of 10 KB", 400, REQUEST, old(id="x" * 10_240), old=True),
        Case("a name twice", 400, REQUEST, OLD_CALL.replace(b'"id": 1', b'"id": 1, "id": 2'), old=True),
        Case(
            "a name twice, deep", 400, REQUEST, OLD_CALL.replace(b'"message"', b'"m\\u0065ssage": 1, "message"'), old=True
        ),
        Case("params as a list", 400, PARAMS, old(params=[]), old=True),
        Case("params null", 400, PARAMS, OLD_CALL.replace(b'"params": {', b'"params": null, "x": {'), old=True),
        Case("65 deep", 400, REQUEST, nested(65), old=True),
        Case("1,000 deep", 400, REQUEST, nested(1_000), old=True),
        Case("200,000 deep", 400, REQUEST, nested(200_000), old=True),
        Case("200,000 open", 400, REQUEST, b'{"a":' * 200_000, old=True),
        Case("4 MiB + 1", 413, REQUEST, b" " * BODY_BYTES_MAX + b"1"),
    ]
)
def test_a_body_that_is_not_one_request_is_refused(target: Target, case: Case) -> None:
    assert check(target, case).json()["id"] in (None, 1)


UNKNOWN = "2099-01-01"
UNKNOWN_CALL = CALL.replace(MODERN.encode(), UNKNOWN.encode())
NOT_CAPABLE = CALL.replace(b"io.modelcontextprotocol/clientCapabilities", b"io.modelcontextprotocol/other")


@of(
    [
        Case("no version", 400, MISMATCH, headers={"MCP-Protocol-Version": None}),
        Case("another version", 400, MISMATCH, headers={"MCP-Protocol-Version": UNKNOWN}),
        Case("a 2025-era version", 400, MISMATCH, headers={"MCP-Protocol-Version": LEGACY}),
        Case("no method", 400, MISMATCH, headers={"Mcp-Method": None}),
        Case("another method", 400, MISMATCH, headers={"Mcp-Method": "tools/list"}),
        Case("no name", 400, MISMATCH, headers={"Mcp-Name": None}),
        Case("another name", 400, MISMATCH, headers={"Mcp-Name": "echo_add"}),
        Case("an unknown version", 400, VERSION, UNKNOWN_CALL, {"MCP-Protocol-Version": UNKNOWN}),
        Case("no envelope", 400, PARAMS, OLD_CALL),
        Case("no capabilities", 400, PARAMS, NOT_CAPABLE),
    ]
)
def test_header_and_envelope_that_do_not_agree_are_refused(target: Target, case: Case) -> None:
    error = check(target, case).json()["error"]
    if case.code == VERSION:
        assert error["data"] == {"supported": [MODERN], "requested": UNKNOWN}


CHATGPT = "openai-mcp/1.0.0 (ChatGPT)"
BARE: dict[str, str | None] = {"MCP-Protocol-Version": None, "Mcp-Method": None, "Mcp-Name": None, "User-Agent": CHATGPT}
"""ChatGPT that sends none of the headers."""


@of(
    [
        Case("empty", 400, PARSE, b""),
        Case("an empty object", 400, REQUEST, b"{}"),
        Case("an empty batch", 400, REQUEST, b"[]"),
        Case("empty, of no type", 415, REQUEST, b"", {"Content-Type": None}),
        Case("a stream", 405, REQUEST, b"", {"Accept": "text/event-stream"}, method="GET"),
    ]
)
def test_what_chatgpt_tries_before_it_says_hello_is_refused_as_json(target: Target, case: Case) -> None:
    for key, status, denied in ((f"Bearer {API_KEY}", case.status, "refused"), (None, 401, "unauthenticated")):
        headers = BARE | case.headers | {"Authorization": key}
        code = case.code if status != 401 else STRANGER
        answer = check(target, Case(case.name, status, code, case.body, headers, method=case.method, denied=denied))
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["id"] is None


@pytest.mark.parametrize("absent", [["MCP-Protocol-Version"], ["Mcp-Method"], ["MCP-Protocol-Version", "Mcp-Method"]])
def test_a_probe_of_chatgpt_without_headers_is_answered_in_the_era_of_its_body(target: Target, absent: list[str]) -> None:
    probe = WRITER.body("server/discover", rpc_id="openai-mcp-discover")
    headers: dict[str, str | None] = {"Mcp-Method": "server/discover", "Mcp-Name": None, **dict.fromkeys(absent)}
    answer = check(target, Case("", 200, None, probe, headers | {"User-Agent": CHATGPT}, denied=None)).json()
    assert answer["id"] == "openai-mcp-discover"
    assert answer["result"]["supportedVersions"] == [MODERN]
    assert answer["result"]["resultType"] == "complete"
    check(target, Case("", 400, MISMATCH, probe, headers | {"User-Agent": "other-mcp/1.0.0"}))


def test_chatgpt_is_known_by_its_name_too_and_needs_no_capabilities(target: Target) -> None:
    listing = WRITER.body("tools/list", rpc_id="1").replace(b'"tests"', b'"openai-mcp"')
    listing = listing.replace(b"io.modelcontextprotocol/clientCapabilities", b"io.modelcontextprotocol/other")
    answer = check(target, Case("", 200, None, listing, BARE | {"User-Agent": "python-httpx/0.28"}, denied=None)).json()
    assert answer["id"] == "1"
    assert "echo_echo" in {tool["name"] for tool in answer["result"]["tools"]}


def test_what_chatgpt_says_twice_and_not_alike_is_refused(target: Target) -> None:
    for name, value in (("Mcp-Method", "tools/list"), ("Mcp-Name", "echo_add"), ("MCP-Protocol-Version", LEGACY)):
        check(target, Case("", 400, MISMATCH, headers={name: value, "User-Agent": CHATGPT}))


def test_a_method_that_there_is_not_is_told_to_chatgpt_as_such(target: Target) -> None:
    body = WRITER.body("resources/nothing", rpc_id="openai-mcp-1")
    error = check(target, Case("", 404, NO_METHOD, body, BARE)).json()
    assert error["id"] == "openai-mcp-1"


def test_an_operator_sees_in_the_log_that_parts_were_filled_in(target: Target) -> None:
    check(target, Case("", 200, None, WRITER.body("tools/list"), BARE, denied=None))
    process, _ = target.running.edges[0]
    lines = [json.loads(line) for line in process.output().splitlines() if "parts of a request filled in" in line]
    assert lines[0]["requests"] == 1
    assert lines[0]["absent"]

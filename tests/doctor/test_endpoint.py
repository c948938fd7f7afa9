"""9: the doctor sees what keeps a client from going on once it has a token."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.behind import look_behind
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.examined import Doctor, assert_found, levels, only, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level
from toolmesh.doctor.groups import GROUPS
from toolmesh.doctor.persona import PERSONAS
from toolmesh.doctor.report import Report

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
LIST, DISCOVER = "tools/list", "server/discover"


SMALL = Bounds(large_body_bytes=64 * 1024)
"""Bodies of 4 MiB take time, and matter to one test."""


def look(doctor: Doctor, *changes: Bend, bounds: Bounds = SMALL, **options: Any) -> Report:
    return look_behind(doctor, ("mcp",), *changes, bounds=bounds, **options)


def post(change: bends.Change, *methods: str) -> Bend:
    """A bend of POST /mcp, of these JSON-RPC methods or of all."""
    return Bend("/mcp", "POST", change, bends.rpc(*methods) if methods else bends.always)


@pytest.mark.parametrize("persona", PERSONAS)
def test_a_house_in_order_passes_every_check(doctor: Doctor, persona: str) -> None:
    report = look(doctor, persona=persona, bounds=Bounds() if persona == "chatgpt" else SMALL)
    assert {finding.level for finding in report.findings} == {PASS}, shown(report)
    group = next(group for group in GROUPS if group.noun == "mcp")
    assert {finding.check for finding in report.findings} == set(group.checks)


def test_without_a_credential_it_says_how_to_look_behind_the_door(doctor: Doctor) -> None:
    report = look(doctor, token="")
    assert_found(report, "mcp.wrong_token", PASS)
    assert_found(report, "mcp.answered", SKIP, "--login", "--token -")
    assert len(report.findings) == 2


NOT_FOUND = {"jsonrpc": "2.0", "id": "toolmesh-doctor", "error": {"code": -32601, "message": "Method not found"}}
OTHER = NOT_FOUND | {"error": {"code": -32600, "message": "Bad"}}
CASES = [
    pytest.param(
        post(bends.in_result(lambda said: said | {"supportedVersions": ["2025-11-25"]}), DISCOVER),
        "mcp.discover",
        (WARN, FAIL),
        ("older versions", "2026-07-28"),
        id="only older versions",
    ),
    pytest.param(
        post(bends.in_result(lambda said: {}), DISCOVER),
        "mcp.discover",
        (FAIL, FAIL),
        ("without supportedVersions",),
        id="empty",
    ),
    pytest.param(
        post(bends.page(), DISCOVER), "mcp.discover", (FAIL, FAIL), ("no JSON-RPC answer", "text/html"), id="a page"
    ),
    pytest.param(
        post(bends.Instead(400, json.dumps(OTHER).encode()), DISCOVER),
        "mcp.discover",
        (WARN, FAIL),
        ("`-32600`", "-32601"),
        id="another error",
    ),
    pytest.param(
        post(bends.Streamed(), DISCOVER),
        "mcp.discover_json",
        (WARN, FAIL),
        ("event stream", "application/json"),
        id="a stream",
    ),
    pytest.param(
        post(bends.Edited(lambda said: said | {"id": 7}), DISCOVER),
        "mcp.id",
        (FAIL, FAIL),
        ("came back as `7`",),
        id="another id",
    ),
    pytest.param(
        post(bends.Streamed(), LIST),
        "mcp.list_json",
        (WARN, WARN),
        ("event stream", "application/json"),
        id="the list as a stream",
    ),
]


@pytest.mark.parametrize(("bend", "check", "found", "words"), CASES)
def test_what_stops_chatgpt_is_a_failure_for_it(
    doctor: Doctor, bend: Bend, check: str, found: tuple[Level, Level], words: tuple[str, ...]
) -> None:
    for persona, level in zip(("claude", "chatgpt"), found, strict=True):
        assert_found(look(doctor, bend, persona=persona), check, level, *words)


def test_a_server_that_does_not_know_discover_is_fine_and_spoken_to_in_the_older_era(doctor: Doctor) -> None:
    def unknown(asked: Asked) -> Answer:
        body = json.dumps(NOT_FOUND | {"id": asked.message["id"]}).encode()
        return Answer(404, CIMultiDict({"content-type": "application/json"}), body)

    report = look(doctor, post(bends.Computed(unknown), DISCOVER))
    assert_found(report, "mcp.discover", PASS, "falls back")
    assert_found(report, "mcp.headerless", PASS, "falls back")
    assert_found(report, "mcp.list", PASS)
    assert_found(report, "mcp.list_legacy", SKIP)
    assert levels(report, FAIL) == []


def test_a_proxy_that_drops_the_headers_is_seen(doctor: Doctor) -> None:
    drops = [post(bends.Sent(name, None)) for name in ("mcp-protocol-version", "mcp-method")]
    report = look(doctor, *drops)
    assert_found(report, "mcp.discover", WARN, "`-32020`")


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Status(404), FAIL, ("404", "fall back"), id="not found"),
        pytest.param(bends.in_result(lambda said: {}), FAIL, ("fall back",), id="no version"),
        pytest.param(
            bends.in_result(lambda said: said | {"capabilities": {}}), FAIL, ("no `tools`", "Declare"), id="no tools"
        ),
        pytest.param(
            bends.Instead(400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}'), FAIL, ("`no`",), id="no"
        ),
    ],
)
def test_what_is_wrong_with_the_older_introduction(
    doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]
) -> None:
    if isinstance(change, bends.Status):
        change = bends.Instead(404, b"")
    assert_found(look(doctor, post(change, "initialize")), "mcp.initialize", level, *words)


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Instead(200, b"{}"), WARN, ("200 with 2 bytes", "202"), id="200"),
        pytest.param(bends.Instead(400, b"{}"), FAIL, ("400", "202"), id="400"),
        pytest.param(bends.Dropped(), FAIL, ("dropped", "202"), id="dropped"),
    ],
)
def test_what_is_wrong_with_notifications(
    doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]
) -> None:
    report = look(doctor, post(change, "notifications/initialized"))
    assert_found(report, "mcp.notification", level, *words)


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(
            bends.in_result(lambda said: said | {"tools": []}), WARN, ("no tool", "docs/authorization.md"), id="empty"
        ),
        pytest.param(bends.in_result(lambda said: {}), FAIL, ("without `result.tools`",), id="nothing"),
        pytest.param(
            bends.Edited(
                lambda said: {"jsonrpc": "2.0", "id": said["id"], "error": {"code": -32000, "message": "no session"}}
            ),
            FAIL,
            ("no session",),
            id="an error",
        ),
        pytest.param(bends.page(502), FAIL, ("502", "no JSON-RPC answer"), id="a page"),
        pytest.param(bends.Computed(lambda asked: page_of(asked)), FAIL, ("does not end",), id="without end"),
    ],
)
def test_what_is_wrong_with_the_list(doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]) -> None:
    assert_found(look(doctor, post(change, LIST)), "mcp.list", level, *words)


def page_of(asked: Asked) -> Answer:
    """A page after which there is always another one."""
    said = {"jsonrpc": "2.0", "id": asked.message["id"], "result": {"tools": [], "nextCursor": "again"}}
    return Answer(200, CIMultiDict({"content-type": "application/json"}), json.dumps(said).encode())


def test_two_eras_that_do_not_show_the_same_are_seen(doctor: Doctor) -> None:
    only_legacy = Bend(
        "/mcp",
        "POST",
        bends.in_result(lambda said: said | {"tools": said["tools"][1:]}),
        lambda asked: asked.message.get("method") == LIST and "mcp-method" not in asked.headers,
    )
    assert_found(look(doctor, only_legacy), "mcp.list_legacy", WARN, "only in one", "`discover_tools`")


def test_a_server_that_does_not_bear_an_empty_body_is_seen(doctor: Doctor) -> None:
    empty = Bend("/mcp", "POST", bends.Instead(500, b"{}"), lambda asked: not asked.body)
    assert_found(look(doctor, empty), "mcp.odd_body", FAIL, "an empty body: 500")
    page = Bend("/mcp", "POST", bends.page(400), lambda asked: not asked.body)
    assert_found(look(doctor, page), "mcp.odd_body", WARN, "an empty body: 400 (text/html)")
    drop = Bend("/mcp", "POST", bends.Dropped(), lambda asked: asked.body == b"{}")
    assert_found(look(doctor, drop), "mcp.odd_body", FAIL, "{}: ", "dropped")


def test_an_unknown_tool_that_ends_in_a_crash_is_seen(doctor: Doctor) -> None:
    assert_found(look(doctor, post(bends.Instead(500, b"{}"), "tools/call")), "mcp.unknown_tool", FAIL, "500", "-32602")


def test_a_proxy_that_takes_small_bodies_only_is_seen(doctor: Doctor) -> None:
    large = lambda asked: len(asked.body) > 60_000  # noqa: E731
    nginx = Bend("/mcp", "POST", bends.page(413, "<html><center>413 Request Entity Too Large"), large)
    assert_found(look(doctor, nginx), "mcp.large_body", WARN, "413", "client_max_body_size")
    assert_found(look(doctor, Bend("/mcp", "POST", bends.Dropped(), large)), "mcp.large_body", WARN, "client_max_body_size")
    said = Bend("/mcp", "POST", bends.Instead(413, json.dumps(OTHER).encode()), large)
    assert_found(look(doctor, said), "mcp.large_body", PASS, "refused with 413")


def test_a_get_that_fails_or_hangs_is_seen(doctor: Doctor) -> None:
    assert_found(look(doctor, Bend("/mcp", "GET", bends.Instead(500))), "mcp.get", FAIL, "500", "405")
    assert_found(look(doctor, Bend("/mcp", "GET", bends.page())), "mcp.get", WARN, "neither a stream")
    hangs = Bend("/mcp", "GET", bends.Delayed(30))
    assert_found(look(doctor, hangs, bounds=Bounds(request_s=1.0, large_body_bytes=1024)), "mcp.get", WARN, "in vain")
    assert_found(look(doctor, Bend("/mcp", "GET", bends.Instead(200, b"", "text/event-stream"))), "mcp.get", PASS)


WRONG = "toolmesh-doctor-wrong"


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Instead(200, b'{"jsonrpc":"2.0","id":1,"result":{}}'), FAIL, ("is let in",), id="let in"),
        pytest.param(bends.Instead(200, b'{"jsonrpc":"2.0","id":1,"error":{}}'), FAIL, ("answered with 200",), id="200"),
        pytest.param(bends.Instead(403, b"{}"), FAIL, ("403", "on 401 alone"), id="403"),
        pytest.param(
            bends.Replaced("www-authenticate", "error=[^,]*,", ""), WARN, ("does not say", "RFC 6750"), id="unsaid"
        ),
    ],
)
def test_how_a_wrong_token_is_refused_matters(
    doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]
) -> None:
    wrong = Bend("/mcp", "POST", change, lambda asked: asked.message.get("id") == WRONG)
    assert_found(look(doctor, wrong, token=""), "mcp.wrong_token", level, *words)


def test_a_server_that_any_page_may_use_is_seen(doctor: Doctor) -> None:
    taken = bends.Instead(200, b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}')
    report = look(doctor, Bend("/mcp", "POST", taken, lambda asked: asked.headers.get("origin", "").endswith(".invalid")))
    assert_found(report, "mcp.origin", WARN, "another site", "403")
    report = look(doctor, Bend("/mcp", "POST", taken, lambda asked: asked.headers["host"].endswith(".invalid")))
    assert_found(report, "mcp.host", WARN, "DNS rebinding", "TOOLMESH_ALLOWED_HOSTS")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            bends.Sent("authorization", None), ("as if none had been sent", "pass the Authorization header"), id="dropped"
        ),
        pytest.param(bends.Sent("authorization", "Bearer another"), ("invalid_token", "audience"), id="not known"),
        pytest.param(bends.Sent("host", "elsewhere.example"), ("421", "TOOLMESH_ISSUER"), id="another host"),
        pytest.param(bends.page(403), ("403", "web page"), id="a firewall"),
    ],
)
def test_a_credential_that_is_not_let_in_ends_the_look_behind_the_door(
    doctor: Doctor, change: bends.Change, words: tuple[str, ...]
) -> None:
    report = look_behind(doctor, ("mcp", "tools", "stateless", "stream"), post(change))
    assert_found(report, "mcp.let_in", FAIL, *words)
    for noun in ("tools", "stateless", "stream"):
        assert only(report, f"{noun}.answered").level is SKIP

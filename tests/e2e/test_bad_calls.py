"""Calls that a tool, or the mesh, has no use for: answered by the edge alone, in both eras."""

import json
from typing import Any

import pytest

from tests.client import ENVELOPE, MODERN
from tests.e2e.target import (
    BODY_BYTES_MAX,
    ECHO,
    GUEST_KEY,
    LEGACY,
    NO_METHOD,
    OLD,
    OLD_CALL,
    PARAMS,
    WRITER,
    Case,
    Target,
    check,
    new,
    nothing_enqueued,
    of,
)
from tests.mesh import API_KEY, wait_until
from tests.own_tools import OWN


def called(params: dict[str, Any]) -> dict[str, Any]:
    return {"body": WRITER.body("tools/call", params, era=LEGACY), "old": True}


@of(
    [
        Case("unknown", 200, PARAMS, **called({"name": "echo_nothing"}), denied="unknown_tool"),
        Case("an upstream's name", 200, PARAMS, **called({"name": "echo"}), denied="unknown_tool"),
        Case("empty", 200, PARAMS, **called({"name": ""}), denied="unknown_tool"),
        Case("very long", 200, PARAMS, **called({"name": "x" * 100_000}), denied="unknown_tool"),
        Case("control characters", 200, PARAMS, **called({"name": "\r\n\0\x1b[8m"}), denied="unknown_tool"),
        Case("no name", 200, PARAMS, **called({})),
        Case("a list as arguments", 200, PARAMS, **called({"name": "echo_echo", "arguments": []})),
        Case("a string as arguments", 200, PARAMS, **called({"name": "echo_echo", "arguments": "{}"})),
        Case("a list as _meta", 200, PARAMS, **called({**ECHO, "_meta": []})),
    ]
)
def test_a_call_of_nothing_is_invalid_params(target: Target, case: Case) -> None:
    answer = check(target, case)
    assert answer.json()["id"] == 1
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("name", ["echo_echo", "echo_nothing"])
def test_a_tool_that_is_forbidden_and_one_that_is_not_there_look_the_same(target: Target, name: str) -> None:
    """Also where the arguments are wrong: a schema's error would tell that the tool is there."""
    for arguments in (ECHO["arguments"], {"wrong": 1}):
        case = Case(
            name,
            200,
            PARAMS,
            WRITER.body("tools/call", {"name": name, "arguments": arguments}, era=LEGACY),
            {"Authorization": f"Bearer {GUEST_KEY}"},
            old=True,
            denied="unknown_tool",
        )
        assert check(target, case).json() == {
            "jsonrpc": "2.0",
            "id": 1,
            "error": {
                "code": PARAMS,
                "message": f"Unknown tool: {name}",
                "data": {"code": "unknown_tool", "retryable": False},
            },
        }
        assert {record.subject for record in target.denials("unknown_tool")} == {"guest"}


def test_who_may_use_nothing_lists_the_edges_own_tools_alone_and_may_not_share_the_list(target: Target) -> None:
    case = new("tools/list")
    listed = target.send(case).json()["result"]
    case.headers["Authorization"] = f"Bearer {GUEST_KEY}"
    result = target.send(case).json()["result"]
    assert [tool["name"] for tool in result["tools"]] == sorted(OWN)
    assert len(listed["tools"]) > 1
    assert {result["cacheScope"], listed["cacheScope"]} == {"private"}


@pytest.mark.parametrize(
    ("name", "arguments", "pointer"),
    [
        ("echo_echo", {}, ""),
        ("echo_echo", {"message": 1}, "/message"),
        ("echo_echo", {"message": None}, "/message"),
        ("echo_echo", {"message": "canary", "more": 1}, ""),
        ("echo_echo", {"message": "canary", "__proto__": {}}, ""),
        ("echo_echo", {"message": "canary", "constructor": {"prototype": {}}}, ""),
        ("echo_echo", {"message": ["canary" * 200_000]}, "/message"),
        ("echo_add", {"a": "canary", "b": 1}, "/a"),
        ("echo_add", {"a": True, "b": 1}, "/a"),
        ("echo_time", {"canary": 1}, ""),
    ],
)
@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_arguments_that_the_schema_forbids_are_a_tool_s_error_with_the_place(
    target: Target, era: str, name: str, arguments: dict[str, Any], pointer: str
) -> None:
    with nothing_enqueued(target, "invalid_arguments"):
        result = target.client.call(name, arguments, era=era)["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "invalid_arguments"
    assert result["structuredContent"]["error"]["pointer"] == pointer
    if "canary" not in arguments:
        assert "canary" not in json.dumps(result)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
@pytest.mark.parametrize("cursor", ["x", "é", "YQ", 1, [], "/w=="])
def test_a_cursor_that_is_not_ours_is_invalid_params(target: Target, era: str, cursor: object) -> None:
    error = target.client.request("tools/list", {"cursor": cursor}, era)["error"]
    assert (error["code"], "cursor" in error["message"]) == (PARAMS, True)


@pytest.mark.parametrize(("era", "status"), [(MODERN, 404), (LEGACY, 200)])
def test_a_method_that_there_is_not_is_not_found(target: Target, era: str, status: int) -> None:
    answer = target.client.post(target.client.body("no/such", era=era), target.client.headers("no/such", era=era))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, NO_METHOD)


@pytest.mark.parametrize("method", ["tools/call", "notifications/initialized", "notifications/cancelled", "no/such"])
@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_notification_is_accepted_and_runs_nothing(target: Target, era: str, method: str) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": {**ECHO, "_meta": ENVELOPE if era == MODERN else {}}}
    with nothing_enqueued(target, None):
        headers = target.client.headers(method, "echo_echo", era)
        answer = target.client.post(json.dumps(message).encode(), headers)
    assert (answer.status_code, answer.content) == (202, b"")


def test_a_body_of_four_mib_is_read_to_its_end(target: Target) -> None:
    filler = OLD_CALL[:-1] + b" " * (BODY_BYTES_MAX - len(OLD_CALL)) + OLD_CALL[-1:]
    assert len(filler) == BODY_BYTES_MAX
    case = Case("4 MiB", 200, None, filler.replace(b"echo_echo", b"echo_none"), old=True, denied="unknown_tool")
    check(target, case)


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"",', b'{"a":0},', b"[[[[]]]],"])
def test_four_mib_of_the_smallest_values_are_answered(target: Target, unit: bytes) -> None:
    values = b"[" + unit * ((BODY_BYTES_MAX - 300) // len(unit)) + b"0]"
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo_echo","arguments":{"message":%s}}}' % values
    )
    with nothing_enqueued(target, "invalid_arguments"):
        answer = target.client.post(body, OLD)
    assert answer.json()["result"]["isError"] is True
    assert len(answer.content) < 2_000


def test_after_all_this_the_same_edge_serves(target: Target) -> None:
    target.running.start_worker()
    wait_until(lambda: target.client.succeeds("echo_echo", {"message": "still here"}), "a call that succeeds")


def test_keys_and_arguments_stay_out_of_the_edge_s_log(target: Target) -> None:
    target.client.get(f"/mcp?access_token={API_KEY}")
    target.client.call("echo_echo", {"message": 1, "secret": "log-canary"})
    process, _ = target.running.edges[0]
    wait_until(lambda: "invalid_arguments" in process.output(), "the denial in the log")
    assert not any(secret in process.output() for secret in ("log-canary", API_KEY, GUEST_KEY))

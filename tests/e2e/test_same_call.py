"""The same call, sent again over HTTP: two that are meant are two, one that was cut is one (docs/guarantees.md)."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.client import MODERN, Client, messages_of
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, Mesh, mesh, wait_until

LEGACY = "2025-11-25"
KEY = "toolmesh/idempotencyKey"
CLASSES = "{write_line: write, sleep: write}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    directory = tmp_path_factory.mktemp("same")
    with upstream(directory) as up, mesh(directory, "backends:\n" + up.entry(classes=CLASSES)) as mesh_:
        mesh_.start_worker()
        for _ in range(2):
            edge = mesh_.start_edge()
            mesh_.wait_for_tools(edge, "up_write_line", "up_sleep")
        yield mesh_


def edges(running: Mesh) -> tuple[Client, Client]:
    return running.clients[0], running.clients[1]


def send(edge: Client, tool: str, arguments: dict[str, Any], era: str, **meta: Any) -> dict[str, Any]:
    body = edge.body("tools/call", {"name": tool, "arguments": arguments}, 1, era, **meta)
    answer = edge.post(body, edge.headers("tools/call", tool, era))
    if answer.headers["content-type"].startswith("text/event-stream"):
        return messages_of(answer.text)[-1]
    return dict(answer.json())


def call_of(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(answer["result"]["_meta"]["toolmesh/call"])


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_identical_writes_one_after_the_other_and_at_once_are_as_many_as_were_meant(
    running: Mesh, tmp_path: Path, era: str
) -> None:
    lines = tmp_path / "lines"
    arguments = {"path": str(lines), "text": "meant"}
    for _ in range(3):
        for edge in edges(running):
            assert not send(edge, "up_write_line", arguments, era)["result"].get("isError")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send(edges(running)[n % 2], "up_write_line", arguments, era), range(8)))
    assert len({call_of(answer)["callId"] for answer in answers}) == 8
    assert lines.read_text().splitlines() == ["meant"] * 14


def test_one_key_is_one_write_however_often_and_wherever_it_is_sent(running: Mesh, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    arguments = {"path": str(lines), "text": "once"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda n: send(edges(running)[n % 2], "up_write_line", arguments, (MODERN, LEGACY)[n % 2], **{KEY: "k1"}),
                range(8),
            )
        )
    answers.append(send(edges(running)[0], "up_write_line", arguments, MODERN, **{KEY: "k1"}))
    assert len({call_of(answer)["callId"] for answer in answers}) == 1
    assert Counter(call_of(answer)["attached"] for answer in answers) == {True: 8, False: 1}
    assert all(answer["result"]["content"][0]["text"] == "written" for answer in answers)
    send(edges(running)[1], "up_write_line", arguments, MODERN, **{KEY: "k2"})
    assert lines.read_text().splitlines() == ["once"] * 2


def test_one_key_with_other_arguments_is_refused_and_nothing_is_written(running: Mesh, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    edge = edges(running)[0]
    send(edge, "up_write_line", {"path": str(lines), "text": "first"}, MODERN, **{KEY: "k3"})
    refused = send(edge, "up_write_line", {"path": str(lines), "text": "second"}, MODERN, **{KEY: "k3"})
    assert refused["error"]["code"] == -32602
    assert "other arguments" in refused["error"]["message"]
    assert lines.read_text().splitlines() == ["first"]


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_client_that_cuts_and_repeats_over_both_edges_has_one_execution(running: Mesh, tmp_path: Path, era: str) -> None:
    """As ChatGPT does it at 60 s, with a shorter breath."""
    cancelled = tmp_path / "cancelled"
    arguments = {"ms": 6000, "cancelled_path": str(cancelled)}
    for attempt in range(5):
        edge = edges(running)[attempt % 2]
        body = edge.body("tools/call", {"name": "up_sleep", "arguments": arguments}, attempt, era)
        with httpx2.Client(trust_env=False, timeout=0.4) as impatient, pytest.raises(httpx2.TimeoutException):
            impatient.post(edge.mcp_url, content=body, headers=edge.headers("tools/call", "up_sleep", era))
    answer = send(edges(running)[1], "up_sleep", arguments, era)
    assert answer["result"]["content"][0]["text"] == "slept"
    assert call_of(answer)["attached"] is True
    assert call_of(answer)["reattachS"] == 300
    assert not cancelled.exists()

    call_id = call_of(answer)["callId"]
    wait_until(lambda: "outcome" in [r["phase"] for r in running.audit() if r["call_id"] == call_id], "the outcome")
    (asked,) = {r["arguments_sha256"] for r in running.audit() if r["call_id"] == call_id}
    alike = [(r["call_id"], r["phase"]) for r in running.audit() if r["arguments_sha256"] == asked]
    assert alike == [(call_id, "intent"), (call_id, "outcome")]


def test_a_result_says_which_call_it_was_and_reads_that_were_quick_stay_as_they_came(running: Mesh) -> None:
    quick = send(edges(running)[0], "echo_echo", {"message": "x"}, MODERN)
    assert "_meta" not in quick["result"]
    written = send(edges(running)[0], "up_sleep", {"ms": 1}, MODERN)
    assert set(call_of(written)) == {"callId", "reattachKey", "reattachS", "attached"}


def test_the_same_call_of_another_session_does_not_join(running: Mesh) -> None:
    edge = edges(running)[0]
    sessions = [open_session(edge), open_session(edges(running)[1])]
    arguments = {"ms": 900}
    with httpx2.Client(trust_env=False, timeout=0.3) as impatient, pytest.raises(httpx2.TimeoutException):
        impatient.post(**in_session(edge, sessions[0], arguments))
    with httpx2.Client(trust_env=False, timeout=20) as patient:
        other = patient.post(**in_session(edge, sessions[1], arguments)).json()
        same = patient.post(**in_session(edge, sessions[0], arguments)).json()
    assert call_of(other)["attached"] is False
    assert call_of(same)["attached"] is True


def open_session(edge: Client) -> str:
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "tests", "version": "0"}}
    answer = edge.post(edge.body("initialize", hello, era=""), edge.headers("initialize", era=""))
    return str(answer.headers["mcp-session-id"])


def in_session(edge: Client, session: str, arguments: dict[str, Any]) -> dict[str, Any]:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "up_sleep", "arguments": arguments}}
    headers = {
        "Authorization": f"Bearer {API_KEY}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": LEGACY,
        "Mcp-Session-Id": session,
    }
    return {"url": edge.mcp_url, "content": json.dumps(call).encode(), "headers": headers}


@pytest.mark.slow
def test_a_client_that_cuts_at_sixty_seconds_and_repeats_five_times_has_one_execution(tmp_path: Path) -> None:
    """The real times: a call of 390 s, a client that gives up after 60 s, two edges in turn."""
    patience = {"TOOLMESH_EXEC_TIMEOUT": "500", "TOOLMESH_MCP_TIMEOUT": "500"}
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry(classes=CLASSES), **patience) as long:
        long.start_worker()
        clients = [long.start_edge() for _ in range(2)]
        for edge in clients:
            long.wait_for_tools(edge, "up_sleep")
        arguments = {"ms": 390_000}
        for attempt in range(5):
            edge = clients[attempt % 2]
            body = edge.body("tools/call", {"name": "up_sleep", "arguments": arguments}, attempt, LEGACY)
            headers = edge.headers("tools/call", "up_sleep", LEGACY)
            with (
                httpx2.Client(trust_env=False, timeout=60) as impatient,
                pytest.raises(httpx2.TimeoutException),
                impatient.stream("POST", edge.mcp_url, content=body, headers=headers) as stream,
            ):
                cut_after_a_minute(stream)
        answer = send(clients[1], "up_sleep", arguments, LEGACY)
        assert answer["result"]["content"][0]["text"] == "slept"
        assert call_of(answer)["attached"] is True
        wait_until(lambda: any(r["tool"] == "sleep" and r["phase"] == "outcome" for r in long.audit()), "the outcome")
        assert len([r for r in long.audit() if r["tool"] == "sleep" and r["phase"] == "intent"]) == 1


def cut_after_a_minute(stream: httpx2.Response) -> None:
    """A comment comes every 15 s to keep the stream alive; a client that cuts does not care."""
    for number, _ in enumerate(stream.iter_bytes(), 1):
        if number == 4:
            raise httpx2.ReadTimeout("a minute is over")

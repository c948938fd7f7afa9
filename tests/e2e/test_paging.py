"""Results that are too large for their client, read page by page at two edges that share nothing but the broker
(docs/guarantees.md, "Pages")."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared import keys
from tests.client import MODERN, Client, messages_of
from tests.e2e.old_client import OldClient
from tests.e2e.tasks_mesh import BUDGET, DECLARED
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, Mesh, mesh, wait_until
from tests.own_tools import OWN

AGENT = "openai-mcp/1.0.0 (ChatGPT)"
LEGACY = "2025-11-25"
CHARS_MAX = 30_000
SOMEBODY_KEY = "the-key-of-somebody-else-0123456789"
TEXT = "".join(f"word {number}, and an é; " for number in range(9_000))
"""Some 200,000 characters."""


@dataclass
class Paged:
    """The mesh, and its two edges."""

    running: Mesh
    a: Client
    b: Client

    def ask(
        self, edge: Client, tool: str, arguments: dict[str, Any], path: str = "/mcp", agent: str = AGENT, **meta: Any
    ) -> dict[str, Any]:
        """A call of ChatGPT's in the 2026 era; gives the JSON-RPC response."""
        params = {"name": tool, "arguments": arguments}
        headers = edge.headers("tools/call", tool) | {"User-Agent": agent}
        answer = edge.post(edge.body("tools/call", params, "id-7", MODERN, **meta), headers, path)
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        return messages_of(answer.text)[-1] if streamed else dict(answer.json())

    def page(self, edge: Client, cursor: str, path: str = "/mcp", agent: str = AGENT) -> dict[str, Any]:
        """A further page; fails where it is none."""
        result = self.ask(edge, "mesh_more", {"cursor": cursor}, path, agent)["result"]
        assert not result["isError"], result
        return dict(result)

    def rest(self, first: dict[str, Any], path: str = "/mcp") -> list[dict[str, Any]]:
        """All pages from the first one on, at the two edges in turn."""
        pages = [first]
        while cursor := facts(pages[-1]).get("cursor"):
            pages.append(self.page((self.b, self.a)[len(pages) % 2], cursor, path))
        return pages

    def continued(self, call_id: str) -> list[dict[str, object]]:
        """Audit records of pages of a call."""
        return [line for line in self.running.audit() if (line["phase"], line["call_id"]) == ("continued", call_id)]


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    directory = tmp_path_factory.mktemp("paged")
    quick = {"TOOLMESH_TASK_AFTER_S": "0.1", "TOOLMESH_STREAM_AFTER_S": "0.2", "TOOLMESH_KEEPALIVE_S": "0.2"}
    with upstream(directory) as up, mesh(directory, "backends:\n" + up.entry(), **quick) as running:
        digest = hashlib.sha256(SOMEBODY_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: somebody\n    key_sha256: {digest}\n")
        running.start_worker()
        paged = Paged(running, running.start_edge(), running.start_edge())
        for edge in (paged.a, paged.b):
            running.wait_for_tools(edge, "up_lines", "echo_echo")
        yield paged
        for process, _ in running.edges:
            assert "Traceback" not in process.output(), process.output()[-4000:]
            assert '"exception"' not in process.output(), process.output()[-4000:]


def facts(result: dict[str, Any]) -> dict[str, Any]:
    return dict(result["_meta"]["toolmesh/page"])


def whole(pages: list[dict[str, Any]]) -> str:
    """The text of all pages, held against what each says of itself."""
    found = ""
    for number, page in enumerate(pages, 1):
        *blocks, note = page["content"]
        said = facts(page)
        assert said["offset"] == len(found)
        found += "".join(block["text"] for block in blocks)
        assert said["offset"] + said["chars"] == len(found)
        assert sum(len(block["text"]) for block in page["content"]) <= CHARS_MAX
        assert f"of {said['total']:,}" in note["text"]
        assert ("cursor" in said) == (number < len(pages)) == ("mesh_more" in note["text"])
        assert said.get("cursor", "") in note["text"]
        assert "structuredContent" not in page
        assert page["isError"] is False
    assert len(found) == facts(pages[0])["total"]
    return found


@pytest.mark.parametrize("tool", ["echo_echo", "up_echo"])
def test_chatgpt_reads_a_long_result_page_by_page_at_any_edge(paged: Paged, tool: str) -> None:
    """The upstream gives its text as structured content once more; it is given once."""
    answer = paged.ask(paged.a, tool, {"message": TEXT})
    assert answer["id"] == "id-7"
    first = answer["result"]
    pages = paged.rest(first)
    assert whole(pages) == TEXT
    assert len(pages) == 7
    assert all(page["resultType"] == "complete" for page in pages)


def test_a_session_of_the_2025_era_reads_on_at_another_edge(paged: Paged) -> None:
    with OldClient(paged.a, paged.b, api_key=API_KEY) as client:
        about = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "openai-mcp", "version": "1.0.0"}}
        client.session_id = client.post(client.request("initialize", about)).headers["mcp-session-id"]
        pages = [client.result(client.call("echo_echo", {"message": TEXT}))]
        while cursor := facts(pages[-1]).get("cursor"):
            pages.append(client.result(client.call("mesh_more", {"cursor": cursor}), len(pages) % 2))
        assert whole(pages) == TEXT


def test_a_page_can_be_read_again_and_by_whoever_takes_more_at_once(paged: Paged) -> None:
    first = paged.ask(paged.a, "echo_echo", {"message": TEXT})["result"]
    cursor = facts(first)["cursor"]
    for edge in (paged.a, paged.b, paged.a):
        assert paged.page(edge, cursor)["content"] == paged.page(paged.b, cursor)["content"]
    rest = paged.page(paged.b, cursor, agent="curl/8")
    assert first["content"][0]["text"] + rest["content"][0]["text"] == TEXT
    assert "cursor" not in facts(rest)


def test_other_clients_get_the_whole_and_chatgpt_what_fits(paged: Paged) -> None:
    result = paged.ask(paged.a, "up_echo", {"message": TEXT}, agent="curl/8")["result"]
    assert result["content"][0]["text"] == TEXT
    assert result["structuredContent"] == {"result": TEXT}
    assert "toolmesh/page" not in result.get("_meta", {})
    result = paged.ask(paged.a, "up_echo", {"message": "short"})["result"]
    assert result["structuredContent"] == {"result": "short"}
    assert "toolmesh/page" not in result.get("_meta", {})
    result = paged.ask(paged.a, "up_echo", {"message": TEXT}, agent="Claude-User")["result"]
    assert facts(result)["chars"] > 140_000


def test_nothing_is_run_again_and_each_page_is_in_the_audit(paged: Paged, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    first = paged.ask(paged.a, "up_lines", {"count": 1_500, "path": str(ran)})["result"]
    call_id = first["_meta"]["toolmesh/call"]["callId"]
    pages = paged.rest(first)
    assert whole(pages).count("\n") == 1_500
    # Cut between lines.
    assert all(page["content"][0]["text"].endswith("\n") for page in pages)
    assert all("toolmesh/call" not in page["_meta"] for page in pages[1:])
    assert ran.read_text().splitlines() == ["ran"]
    wait_until(lambda: len(paged.continued(call_id)) == len(pages) - 1, "the pages are in the audit")
    record = paged.continued(call_id)[0]
    assert (record["tool"], record["backend"], record["subject"]) == ("mesh_more", "up", "owner")
    assert re.fullmatch(r"characters [0-9,]+ to [0-9,]+ of [0-9,]+", str(record["detail"]))
    outcomes = [line for line in paged.running.audit() if (line["phase"], line["call_id"]) == ("outcome", call_id)]
    assert len(outcomes) == 1


def test_the_end_of_a_stream_is_a_page_too(paged: Paged, tmp_path: Path) -> None:
    params = {"name": "up_lines", "arguments": {"count": 1_500, "path": str(tmp_path / "ran"), "ms": 500}}
    headers = paged.a.headers("tools/call", "up_lines") | {"User-Agent": AGENT}
    answer = paged.a.post(paged.a.body("tools/call", params), headers)
    assert answer.headers["content-type"] == "text/event-stream"
    assert ": keep-alive" in answer.text
    assert whole(paged.rest(messages_of(answer.text)[-1]["result"])).startswith("line 1 of 1500")


def test_a_broken_stream_that_is_taken_up_again_ends_with_a_page(paged: Paged, tmp_path: Path) -> None:
    with OldClient(paged.a, paged.b, api_key=API_KEY) as client:
        about = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "openai-mcp", "version": "1.0.0"}}
        client.session_id = client.post(client.request("initialize", about)).headers["mcp-session-id"]
        call = client.call("up_lines", {"count": 1_500, "path": str(tmp_path / "ran"), "ms": 1_000})
        with client.streamed(call) as events:
            primer = events.next()
            assert primer is not None
        with client.listen(1, primer.id) as events:
            (response,) = events.rest()
        assert whole(paged.rest(response["result"])).count("\n") == 1_500
        assert response["result"]["_meta"]["toolmesh/call"]["attached"] is True


def test_what_is_waited_for_is_given_page_by_page(paged: Paged, tmp_path: Path) -> None:
    arguments = {"count": 1_500, "path": str(tmp_path / "ran"), "ms": 500}
    soon: dict[str, Any] = {BUDGET: 100}
    handle = paged.ask(paged.a, "up_lines", arguments, **soon)["result"]["structuredContent"]
    first = paged.ask(paged.b, "mesh_wait", {"call_id": handle["callId"]})["result"]
    assert first["_meta"]["toolmesh/call"]["callId"] == handle["callId"]
    assert whole(paged.rest(first)).count("\n") == 1_500


def test_a_task_ends_with_a_page(paged: Paged, tmp_path: Path) -> None:
    arguments = {"count": 1_500, "path": str(tmp_path / "ran"), "ms": 500}
    task_id = paged.ask(paged.a, "up_lines", arguments, **DECLARED)["result"]["taskId"]
    found: dict[str, Any] = {}

    def over() -> bool:
        headers = paged.b.headers("tasks/get", task_id) | {"User-Agent": AGENT}
        found.update(paged.b.post(paged.b.body("tasks/get", {"taskId": task_id}, **DECLARED), headers).json()["result"])
        return bool(found["status"] == "completed")

    wait_until(over, "the task is over")
    assert whole(paged.rest(found["result"])).count("\n") == 1_500


@contextmanager
def refused(paged: Paged) -> Iterator[None]:
    """What is asked in here is in the audit as a denial."""

    def denials() -> int:
        return sum((line["phase"], line["code"]) == ("denied", "unknown_cursor") for line in paged.running.audit())

    before = denials()
    yield
    wait_until(lambda: denials() > before, "the denial is in the audit")


def problem(answer: dict[str, Any]) -> str:
    """What a model is told that can't read on."""
    result = answer["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "unknown_cursor"
    return str(result["content"][0]["text"])


def test_a_cursor_is_good_for_nobody_else_and_can_not_be_made(paged: Paged) -> None:
    cursor = facts(paged.ask(paged.a, "echo_echo", {"message": TEXT})["result"])["cursor"]
    somebody = Client(paged.b.url, SOMEBODY_KEY)
    for edge, tried in (
        (somebody, cursor),
        (paged.a, cursor[:-2] + "AA"),
        (paged.b, "A" + cursor[1:]),
        (paged.a, cursor + cursor),
        (paged.b, "no cursor at all"),
        (paged.a, ""),
    ):
        with refused(paged):
            said = problem(paged.ask(edge, "mesh_more", {"cursor": tried}))
            assert "not one that you were given" in said
            assert "only if it just reads" in said
            assert "word" not in said
    somebody.close()
    for arguments in ({}, {"cursor": 7}, {"cursor": cursor, "more": 1}):
        result = paged.ask(paged.a, "mesh_more", arguments)["result"]
        assert result["structuredContent"]["error"]["code"] == "invalid_arguments"
    assert paged.page(paged.b, cursor)["content"]


def kept_as(first: dict[str, Any]) -> str:
    """Where the result of a call lies on the broker."""
    return keys.final(keys.job_id("default", first["_meta"]["toolmesh/call"]["callId"]))


def test_a_result_that_is_not_kept_any_more_is_told_as_such(paged: Paged, tmp_path: Path) -> None:
    first = paged.ask(paged.a, "up_lines", {"count": 1_500, "path": str(tmp_path / "ran")})["result"]
    with paged.running.broker.client() as redis:
        assert redis.pexpire(kept_as(first), 1)
        wait_until(lambda: not redis.exists(kept_as(first)), "its time is over")
    with refused(paged):
        said = problem(paged.ask(paged.b, "mesh_more", {"cursor": facts(first)["cursor"]}))
    assert "not kept any more" in said
    assert "10 minutes" in said
    assert "only if it just reads" in said


def test_a_result_that_nobody_signed_for_this_call_is_not_given(paged: Paged, tmp_path: Path) -> None:
    path = str(tmp_path / "ran")
    first, other = (paged.ask(paged.a, "up_lines", {"count": n, "path": path})["result"] for n in (1_500, 1_600))
    with paged.running.broker.client() as redis:
        raw, others = redis.get(kept_as(first)), redis.get(kept_as(other))
        assert isinstance(raw, bytes)
        assert isinstance(others, bytes)
        for forged in (raw[:-1] + bytes([raw[-1] ^ 1]), b"nonsense", others):
            redis.set(kept_as(first), forged, keepttl=True)
            with refused(paged):
                assert "not kept any more" in problem(paged.ask(paged.b, "mesh_more", {"cursor": facts(first)["cursor"]}))
        redis.delete(kept_as(first))
        redis.lpush(kept_as(first), b"no result")
        answer = paged.ask(paged.a, "mesh_more", {"cursor": facts(first)["cursor"]})
        assert answer["error"]["data"] == {"code": "broker_unavailable", "retryable": True}
        redis.set(kept_as(first), raw, ex=60)
    assert whole(paged.rest(first)).count("\n") == 1_500


def test_an_edge_that_is_killed_in_between_costs_nothing(paged: Paged) -> None:
    first = paged.ask(paged.a, "echo_echo", {"message": TEXT})["result"]
    second = paged.page(paged.b, facts(first)["cursor"])
    process, _ = paged.running.edges[0]
    process.kill()
    third = paged.page(paged.b, facts(second)["cursor"])
    paged.a = paged.running.start_edge()
    paged.running.wait_for_tools(paged.a, "up_lines", "echo_echo")
    assert whole([first, second, *paged.rest(third)]) == TEXT


def test_the_endpoint_of_one_backend_takes_mesh_more_and_does_not_list_it(paged: Paged) -> None:
    first = paged.ask(paged.a, "echo", {"message": TEXT}, "/mcp/b/echo")["result"]
    assert whole(paged.rest(first, "/mcp/b/echo")) == TEXT
    assert whole(paged.rest(first)) == TEXT
    listed = paged.a.post(paged.a.body("tools/list"), paged.a.headers("tools/list"), "/mcp/b/echo").json()["result"][
        "tools"
    ]
    assert {tool["name"] for tool in listed} == {"add", "echo", "time"}


def listed(edge: Client, agent: str) -> dict[str, dict[str, Any]]:
    headers = edge.headers("tools/list") | {"User-Agent": agent}
    tools = edge.post(edge.body("tools/list"), headers).json()["result"]["tools"]
    return {tool["name"]: tool for tool in tools}


def test_mesh_more_is_listed_for_everybody_and_only_reads(paged: Paged) -> None:
    somebody = Client(paged.b.url, SOMEBODY_KEY)
    assert list(listed(somebody, "curl/8")) == sorted(OWN)
    somebody.close()
    tool = listed(paged.a, AGENT)["mesh_more"]
    assert tool["annotations"] == {
        "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False
    }  # fmt: skip
    assert tool["inputSchema"]["required"] == ["cursor"]
    assert "10 minutes" in tool["description"]


def test_who_may_get_a_page_is_shown_no_output_schema_which_a_page_would_not_be(paged: Paged) -> None:
    assert "outputSchema" in listed(paged.a, "curl/8")["up_echo"]
    for agent in (AGENT, "Claude-User", "claude-code/2.0.1"):
        assert not any("outputSchema" in tool for tool in listed(paged.a, agent).values())


def test_chatgpt_may_leave_out_the_headers_of_a_call(paged: Paged) -> None:
    """Those of its parameters too, which a tool's schema asks for."""
    params = {"name": "up_routed", "arguments": {"region": "eu", "text": "hello"}}
    headers = {**paged.a.headers("tools/call", era=""), "User-Agent": AGENT}
    answer = paged.a.post(paged.a.body("tools/call", params, "id-8"), headers).json()
    assert (answer["id"], answer["result"]["content"][0]["text"]) == ("id-8", "eu: hello")
    refused = paged.a.post(paged.a.body("tools/call", params), headers | {"User-Agent": "curl/8"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32020)
    refused = paged.a.post(paged.a.body("tools/call", params), headers | {"Mcp-Param-Region": "us"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32020)

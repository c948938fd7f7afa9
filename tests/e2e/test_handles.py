"""Handles and `mesh_wait` over HTTP, at two edges that share nothing but the broker (docs/guarantees.md, "Handles")."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared import keys
from shared.codec import seal, unseal
from shared.handles import Handle
from shared.mesh_keys import KeyRing, parse_key_ring
from tests.client import MODERN, Client, messages_of
from tests.e2e.tasks_mesh import ASKABLE, BUDGET, Slow, slow_mesh
from tests.e2e.test_same_call import KEY, LEGACY
from tests.e2e.wide_mesh import Wide
from tests.mesh import mesh_keys, wait_until
from tests.own_tools import OWN

SOON: dict[str, Any] = {BUDGET: 100}
CHATGPT: dict[str, Any] = {"io.modelcontextprotocol/clientInfo": {"name": "openai-mcp", "version": "1.0.0"}}
RING = parse_key_ring(mesh_keys())
STRANGER_RING = KeyRing({"edge": {"k1": b"not the key of this mesh at all!"}})


def handed(slow: Slow, tool: str, arguments: dict[str, Any], edge: Client | None = None, **meta: Any) -> dict[str, Any]:
    """A call that is answered with a handle; its structured content."""
    answer = slow.call(edge or slow.a, tool, arguments, **(meta or SOON))
    result = answer["result"]
    assert result["isError"] is False, answer
    found = dict(result["structuredContent"])
    assert found["status"] == "running", answer
    assert result["_meta"]["toolmesh/call"]["callId"] == found["callId"]
    assert found["callId"] in result["content"][0]["text"]
    return found


def wait(slow: Slow, call_id: str, edge: Client | None = None, path: str = "/mcp", **more: Any) -> dict[str, Any]:
    """`mesh_wait` at the other edge; gives the JSON-RPC response."""
    return slow.call(edge or slow.b, "mesh_wait", {"call_id": call_id, **more}, path)


def compute(label: str, seconds: float = 0.5) -> dict[str, Any]:
    return {"seconds": seconds, "label": label}


def test_a_client_asks_for_a_handle_and_gets_the_result_at_the_other_edge(slow: Slow) -> None:
    found = handed(slow, "slow_slow_compute", compute("handle"))
    assert (found["state"], found["tool"]) == ("running", "slow_slow_compute")
    assert "mesh_wait" in found["hint"]
    for edge in (slow.b, slow.a):
        result = wait(slow, found["callId"], edge)["result"]
        assert result["content"][0]["text"] == "computed handle"
        assert result["_meta"]["toolmesh/call"]["callId"] == found["callId"]
    assert slow.ran("slow_compute", "handle") == 1


@pytest.mark.parametrize("told_by", ["user agent", "client info", "session"])
def test_a_client_that_is_known_to_cut_gets_a_handle_without_asking(slow: Slow, told_by: str) -> None:
    arguments = compute(told_by)
    if told_by == "session":
        with slow.old_client("OpenAI-MCP (ChatGPT)") as client:
            found = client.result(client.call("slow_slow_compute", arguments), 1)["structuredContent"]
            waited = client.result(client.call("mesh_wait", {"call_id": found["callId"]}), 0)
            assert waited["content"][0]["text"] == f"computed {told_by}"
        return
    if told_by == "user agent":
        params = {"name": "slow_slow_compute", "arguments": arguments}
        headers = slow.a.headers("tools/call", "slow_slow_compute") | {"User-Agent": "openai-mcp/1.0.0 (ChatGPT)"}
        answer = slow.a.post(slow.a.body("tools/call", params), headers).json()
    else:
        answer = slow.call(slow.a, "slow_slow_compute", arguments, **CHATGPT)
    call_id = answer["result"]["structuredContent"]["callId"]
    assert wait(slow, call_id)["result"]["content"][0]["text"] == f"computed {told_by}"


def test_other_clients_wait_for_their_result(slow: Slow) -> None:
    with slow.old_client("not openai-mcp") as client:
        assert client.text("slow_slow_compute", compute("other")) == "computed other"


@pytest.mark.parametrize("budget", [99, 600_001, 0, -5, True, 200.5, "200", [], {}])
def test_a_budget_that_is_none_is_refused_before_anything_is_started(slow: Slow, budget: Any) -> None:
    answer = slow.call(slow.a, "slow_slow_write", compute(f"budget {budget}", 0), **{BUDGET: budget})
    assert answer["error"]["code"] == -32602
    assert slow.call(slow.a, "slow_greet", {"name": "you"})["result"]["content"]
    assert slow.ran("slow_write", f"budget {budget}") == 0


def test_a_wait_that_is_too_short_gives_the_handle_again(slow: Slow) -> None:
    found = handed(slow, "slow_slow_compute", compute("again", 1.2))
    for wait_s in (0, 0.1):
        again = wait(slow, found["callId"], max_wait_s=wait_s)["result"]
        assert again["isError"] is False
        assert again["structuredContent"] == found
    assert wait(slow, found["callId"])["result"]["content"][0]["text"] == "computed again"
    assert wait(slow, found["callId"], max_wait_s=0)["result"]["content"][0]["text"] == "computed again"


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_wait_that_lasts_streams_signs_of_life_until_the_result(slow: Slow, era: str) -> None:
    found = handed(slow, "slow_slow_compute", compute(f"stream {era}", 1.2))
    with slow.b.stream("mesh_wait", {"call_id": found["callId"]}, era) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        text = answer.read().decode()
    assert text.count(": keep-alive") >= 2
    assert messages_of(text)[-1]["result"]["content"][0]["text"] == f"computed stream {era}"


def test_progress_that_was_asked_for_comes_under_the_token_of_who_waits(wide: Wide) -> None:
    arguments, meta = {"steps": 10, "step_ms": 100}, {"progressToken": "first", BUDGET: 250}
    with wide.a.stream("up_slow_progress", arguments, MODERN, **meta) as answer:
        call_id = messages_of(answer.read().decode())[-1]["result"]["structuredContent"]["callId"]
    with wide.b.stream("mesh_wait", {"call_id": call_id}, progressToken="second") as answer:
        *steps, last = messages_of(answer.read().decode())
    assert {step["params"]["progressToken"] for step in steps} == {"second"}
    assert [step["params"]["progress"] for step in steps] == list(range(11 - len(steps), 11))
    assert last["result"]["content"][0]["text"] == "10 steps"


@pytest.mark.parametrize("tool", ["slow_slow_compute", "slow_slow_write"])
def test_who_closes_a_wait_cancels_nothing(slow: Slow, tool: str) -> None:
    found = handed(slow, tool, compute("closed", 1.2))
    with slow.b.stream("mesh_wait", {"call_id": found["callId"]}) as answer:
        assert next(answer.iter_lines()).startswith(":")
    assert wait(slow, found["callId"], slow.a)["result"]["content"][0]["text"] == "computed closed"


def test_the_calls_own_errors_come_as_they_would_have_come(slow: Slow) -> None:
    failing = handed(slow, "slow_failing_job", {})
    assert wait(slow, failing["callId"])["result"]["isError"] is True
    broken = handed(slow, "slow_protocol_error_job", {})
    assert wait(slow, broken["callId"])["error"] == {"code": -32603, "message": "the job broke", "data": {"part": 7}}


def test_a_call_of_another_principal_looks_like_one_that_there_is_not(slow: Slow, stranger: Client) -> None:
    found = handed(slow, "slow_slow_compute", compute("mine", 0.8))
    expected = {"content": [{"type": "text", "text": "[unknown_call] There is no such call, or its result is not kept any "
                "more. Check the call_id."}],
                "structuredContent": {"error": {"code": "unknown_call", "retryable": False}},
                "isError": True, "resultType": "complete"}  # fmt: skip
    while_it_runs = wait(slow, found["callId"], stranger)["result"]
    for edge, name in ((slow.b, "0" * 32), (slow.b, ""), (slow.b, f"{found['callId']}:lock"), (slow.b, "é")):
        assert wait(slow, name, edge)["result"] == expected
    assert wait(slow, found["callId"])["result"]["isError"] is False
    assert wait(slow, found["callId"], stranger)["result"] == while_it_runs == expected
    assert any('"unknown_call"' in process.output() for process, _ in slow.running.edges)


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, ""),
        ({"call_id": 7}, "/call_id"),
        ({"call_id": "x", "max_wait_s": -1}, "/max_wait_s"),
        ({"call_id": "x", "max_wait_s": 40.5}, "/max_wait_s"),
        ({"call_id": "x", "more": 1}, ""),
    ],
)
def test_arguments_that_do_not_fit_are_named(slow: Slow, arguments: dict[str, Any], pointer: str) -> None:
    error = slow.call(slow.a, "mesh_wait", arguments)["result"]["structuredContent"]["error"]
    assert (error["code"], error["pointer"]) == ("invalid_arguments", pointer)


def test_a_record_that_no_edge_signed_is_refused_and_recorded(slow: Slow) -> None:
    found = handed(slow, "slow_slow_compute", compute("forged"))
    name = keys.handle(found["callId"])

    def refused() -> int:
        outputs = (process.output() for process, _ in slow.running.edges)
        return sum(line.count('"kind": "handle"') for output in outputs for line in output.splitlines())

    with slow.running.broker.client() as redis:
        genuine = redis.get(name)
        assert isinstance(genuine, bytes)
        handle = unseal(RING, "edge", genuine, Handle)
        forgeries = [
            seal(STRANGER_RING, "edge", handle),
            seal(RING, "default", handle),
            seal(RING, "edge", handle.call),
            b"",
        ]
        for number, forgery in enumerate(forgeries, 1):
            redis.set(name, forgery, px=60_000)
            assert wait(slow, found["callId"])["result"]["structuredContent"]["error"]["code"] == "unknown_call"
            wait_until(lambda seen=number: refused() == seen, "the forgery is recorded")
        redis.set(keys.handle("0" * 32), genuine, px=60_000)
        assert wait(slow, "0" * 32)["result"]["structuredContent"]["error"]["code"] == "unknown_call"
        redis.set(name, genuine, px=60_000)
    assert wait(slow, found["callId"])["result"]["content"][0]["text"] == "computed forged"


def test_the_same_write_joins_its_handles_call_until_the_result_was_fetched(slow: Slow) -> None:
    arguments = compute("joined", 0.6)
    found = handed(slow, "slow_slow_write", arguments)
    assert handed(slow, "slow_slow_write", arguments, slow.b)["callId"] == found["callId"]
    assert wait(slow, found["callId"])["result"]["content"][0]["text"] == "computed joined"
    assert slow.ran("slow_write", "joined") == 1
    assert handed(slow, "slow_slow_write", arguments)["callId"] != found["callId"]


def test_a_key_of_the_clients_own_is_one_call_also_after_its_result_was_fetched(slow: Slow) -> None:
    arguments, key = compute("own key", 0.4), {KEY: "own", **SOON}
    found = handed(slow, "slow_slow_write", arguments, **key)
    wait(slow, found["callId"])
    answer = slow.call(slow.b, "slow_slow_write", arguments, **key)["result"]
    assert answer["_meta"]["toolmesh/call"]["callId"] == found["callId"]
    assert answer["content"][0]["text"] == "computed own key"
    assert slow.ran("slow_write", "own key") == 1


def test_what_a_call_asks_is_answered_through_mesh_wait_and_given_once(slow: Slow) -> None:
    found = handed(slow, "slow_confirm_delete", {"filename": "waited"}, **ASKABLE, **SOON)
    asked = wait(slow, found["callId"])["result"]
    assert asked["resultType"] == "input_required"
    # This server keeps no state of its own: what comes back is told apart by the inputs alone.
    params: dict[str, Any] = {
        "name": "mesh_wait",
        "arguments": {"call_id": found["callId"]},
        "inputResponses": {"confirm": {"action": "accept", "content": {"confirm": True}}},
    } | ({"requestState": asked["requestState"]} if "requestState" in asked else {})
    for edge in (slow.a, slow.b):
        answer = slow.send(edge, "tools/call", params, **ASKABLE)
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        result = (messages_of(answer.text)[-1] if streamed else answer.json())["result"]
        assert result["content"][0]["text"] == "deleted waited: {'confirm': True}"
    assert slow.ran("confirm_delete", "waited") == 1


def test_a_state_of_another_call_is_not_taken(slow: Slow) -> None:
    first = handed(slow, "slow_multi_input", {}, **ASKABLE, **SOON)
    state = wait(slow, first["callId"])["result"]["requestState"]
    other = handed(slow, "slow_twice_asked", {}, **ASKABLE, **SOON)
    for call_id, brought in ((other["callId"], state), (first["callId"], state[:-2] + "AA"), (first["callId"], "x")):
        params = {"name": "mesh_wait", "arguments": {"call_id": call_id}, "inputResponses": {}, "requestState": brought}
        assert slow.send(slow.a, "tools/call", params).json()["error"]["code"] == -32602
    wait(slow, other["callId"])


def test_the_endpoint_of_one_backend_takes_mesh_wait_and_does_not_list_it(slow: Slow) -> None:
    answer = slow.call(slow.a, "slow_compute", compute("own endpoint"), "/mcp/b/slow", **SOON)["result"][
        "structuredContent"
    ]
    assert answer["tool"] == "slow_compute"
    listed = slow.send(slow.a, "tools/list", {}, "/mcp/b/slow").json()["result"]["tools"]
    assert "mesh_wait" not in {tool["name"] for tool in listed}
    for path in ("/mcp/b/slow", "/mcp"):
        assert wait(slow, answer["callId"], path=path)["result"]["content"][0]["text"] == "computed own endpoint"


def test_a_backends_own_tool_of_that_name_wins_at_its_own_endpoint(slow: Slow) -> None:
    result = slow.call(slow.a, "mesh_wait", {"name": "you"}, "/mcp/b/old")["result"]
    assert result["content"][0]["text"] == "Hello, you!"
    assert slow.a.text("old_mesh_wait", {"name": "you"}) == "Hello, you!"


def test_everybody_who_is_authenticated_is_told_of_mesh_wait(slow: Slow, stranger: Client) -> None:
    assert stranger.tool_names() == sorted(OWN)
    names = slow.a.tool_names()
    assert "mesh_wait" in names
    assert names == sorted(names)
    tool = next(t for t in slow.a.request("tools/list")["result"]["tools"] if t["name"] == "mesh_wait")
    assert tool["annotations"] == {
        "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False
    }  # fmt: skip
    assert tool["inputSchema"]["properties"]["max_wait_s"]["maximum"] == 40
    assert "outputSchema" not in tool


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """A mesh in which calls have little time, and parts of which are killed."""
    quick = {
        "TOOLMESH_EXEC_TIMEOUT": "1.5",
        "TOOLMESH_HEARTBEAT_TTL_S": "60",
        "TOOLMESH_KEEPALIVE_S": "0.2",
        "TOOLMESH_STREAM_AFTER_S": "0.2",
        "TOOLMESH_DRAIN_S": "0.2",
    }
    with slow_mesh(tmp_path_factory.mktemp("brief"), **quick) as found:
        yield found


def test_a_write_of_which_nothing_is_heard_any_more_is_unknown_and_a_read_is_late(brief: Slow) -> None:
    write = handed(brief, "slow_slow_write", compute("lost", 30))
    read = handed(brief, "slow_slow_compute", compute("lost", 30))
    task = brief.about(brief.a, "tasks/get", write["callId"])
    assert task["status"] == "working"
    brief.running.workers[0].kill()
    for call_id, code in ((write["callId"], "outcome_unknown"), (read["callId"], "deadline_exceeded")):
        result = wait(brief, call_id)["result"]
        assert result["isError"] is True
        error = result["structuredContent"]["error"]
        assert (error["code"], error["call_id"]) == (code, call_id)
    task = brief.about(brief.a, "tasks/get", write["callId"])
    assert task["status"] == "completed"
    assert task["result"]["structuredContent"]["error"]["code"] == "outcome_unknown"
    brief.running.start_worker()


def test_a_wait_ends_in_its_time_also_where_the_broker_is_away(brief: Slow) -> None:
    found = handed(brief, "slow_slow_compute", compute("away", 30))
    try:
        with brief.b.stream("mesh_wait", {"call_id": found["callId"], "max_wait_s": 1}) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            brief.running.broker.process.kill()
            [said] = messages_of("\n".join(lines))
        assert said["result"]["structuredContent"]["callId"] == found["callId"]
        assert wait(brief, found["callId"])["error"]["code"] == -32012
    finally:
        brief.running.broker.start()

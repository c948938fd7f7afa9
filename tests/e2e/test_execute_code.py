"""`execute_code` as its clients see it, with a worker of which the test plays the part: listed, started, handed out,
refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import keys
from tests.client import MODERN, Client
from tests.e2e.code_mesh import BOB_KEY, CodeMesh, code_mesh
from tests.letters import is_there, job, plant
from tests.mesh import mesh_keys, wait_until

SCRIPT = {"code": "return 1"}
TOO_LATE = {"toolmesh/budgetMs": 200}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeMesh]:
    quick = {"TOOLMESH_STREAM_AFTER_S": "0.2", "TOOLMESH_CANCEL_GRACE_S": "0.1"}
    with code_mesh(tmp_path_factory.mktemp("code"), **quick) as found:
        yield found


@pytest.fixture
def bob(code: CodeMesh) -> Iterator[Client]:
    client = Client(code.edge.url, BOB_KEY)
    yield client
    client.close()


def listed(client: Client) -> dict[str, Any]:
    """The tool as a client sees it."""
    tools = client.request("tools/list")["result"]["tools"]
    return dict(next(tool for tool in tools if tool["name"] == "execute_code"))


def described(client: Client) -> str:
    """What it says of itself."""
    return str(listed(client)["description"])


def test_a_token_that_is_good_for_reading_will_do_for_scripts_that_only_read(code: CodeMesh) -> None:
    tool = listed(code.edge)
    assert tool["securitySchemes"] == tool["_meta"]["securitySchemes"] == [{"type": "oauth2", "scopes": ["tools:read"]}]
    assert (tool["annotations"]["readOnlyHint"], tool["annotations"]["destructiveHint"]) == (False, True)


def test_it_says_to_each_caller_which_backends_there_are_and_what_they_are_for(code: CodeMesh, bob: Client) -> None:
    said = described(bob)
    assert said == described(bob)
    assert said.endswith("Backends: book, echo. Hints: book: What was written, and when.")
    assert all(word in said for word in ("await toolmesh.", "Promise.all", "50 calls", "120 seconds"))
    assert len(said) < 3_000


def test_it_is_called_and_not_listed_at_the_endpoint_of_one_backend(code: CodeMesh) -> None:
    body = code.edge.body("tools/list")
    tools = code.edge.post(body, code.edge.headers("tools/list"), "/mcp/b/echo").json()["result"]["tools"]
    assert {tool["name"] for tool in tools} == {"echo", "add", "time"}
    body = code.edge.body("tools/call", {"name": "execute_code", "arguments": {}})
    answer = code.edge.post(body, code.edge.headers("tools/call", "execute_code"), "/mcp/b/echo").json()["result"]
    assert answer["structuredContent"]["error"]["code"] == "invalid_arguments"


@pytest.mark.parametrize("path", ["/mcp/b/code", "/mcp/b/code/"])
def test_the_backend_that_runs_it_is_none_of_the_operators(code: CodeMesh, path: str) -> None:
    answer = code.edge.post(code.edge.body("tools/list"), code.edge.headers("tools/list"), path)
    assert answer.status_code == 404
    assert not [name for name in code.edge.tool_names() if name.startswith("code_")]
    unknown = code.edge.call("code_execute_code", SCRIPT)
    assert unknown["error"]["message"] == "Unknown tool: code_execute_code"


@pytest.mark.parametrize("arguments", [{}, {"code": ""}, {"code": 1}, {"code": "1", "more": 1}])
def test_arguments_that_are_none_are_refused(code: CodeMesh, arguments: dict[str, object]) -> None:
    error = code.edge.call("execute_code", arguments)["result"]["structuredContent"]["error"]
    assert error["code"] == "invalid_arguments"
    assert code.worker.redis.zcard(keys.queue("code", "code", "write")) == 0


def answer(client: Client) -> dict[str, Any]:
    """What a script's client is answered that does not wait for its end: structured content."""
    body = client.body("tools/call", {"name": "execute_code", "arguments": SCRIPT}, 1, MODERN, **TOO_LATE)
    result = client.post(body, client.headers("tools/call", "execute_code")).json()["result"]
    return dict(result["structuredContent"])


def test_a_script_that_takes_long_is_handed_out_and_waited_for(code: CodeMesh, bob: Client) -> None:
    handle = answer(bob)
    assert (handle["status"], handle["state"], handle["tool"]) == ("running", "queued", "execute_code")
    script, call_id = code.worker.take(), handle["callId"]
    assert script.call_id == call_id
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(bob.text, "mesh_wait", {"call_id": call_id, "max_wait_s": 20})
        assert code.worker.text(code.worker.ask(script, "echo_echo", {"message": "2"})) == "2"
        code.worker.finish(script, "at last")
        assert waiting.result() == "at last"
    other = code.edge.call("mesh_wait", {"call_id": call_id})["result"]["structuredContent"]["error"]
    assert other["code"] == "unknown_call", "it is for who started it"


def test_a_script_whose_client_goes_away_is_cancelled(code: CodeMesh, bob: Client) -> None:
    with bob.stream("execute_code", SCRIPT):
        script = code.worker.take()
    wait_until(lambda: code.worker.cancelled(script.call_id), "its worker is told")
    code.worker.finish(script)


def test_a_script_that_was_set_aside_is_sent_again_by_the_owner_for_whom_it_was_and_may_call_again(
    code: CodeMesh, bob: Client
) -> None:
    assert answer(bob)["status"] == "running"
    former = code.worker.take()
    code.worker.finish(former)
    plant(code.running.broker, former.call_id, job(former, "code"), "code")
    answered = code.edge.request("toolmesh/queue/retry", {"callId": former.call_id, "waitS": 0})["result"]
    script = code.worker.take()
    assert answered == {"callId": script.call_id, "state": "running", "resultType": "complete"}
    assert not is_there(code.running.broker, former.call_id, "code")
    grant = code.worker.grant(script)
    assert (grant.parent, grant.principal.subject, grant.deadline_ms) == (script.call_id, "bob", script.deadline_ms)
    assert code.worker.text(code.worker.ask(script, "echo_echo", {"message": "again"})) == "again"
    code.worker.finish(script)


def test_without_a_key_of_its_group_or_switched_off_it_is_not_there(code: CodeMesh) -> None:
    without_key = ",".join(part for part in mesh_keys().split(",") if not part.startswith("code:"))
    for environment in ({"TOOLMESH_MESH_KEYS": without_key}, {"TOOLMESH_CODE_MODE": "off"}):
        edge = code.running.start_edge(**environment)
        code.running.wait_for_tools(edge, "echo_echo")
        assert "execute_code" not in edge.tool_names()
        assert edge.call("execute_code", SCRIPT)["error"]["message"] == "Unknown tool: execute_code"
        process, _ = code.running.edges[-1]
        said = process.output()
        assert ("no key of the group 'code'" in said) == ("TOOLMESH_MESH_KEYS" in environment)
        assert process.stop() == 0


def test_where_no_worker_runs_scripts_it_is_said_at_once(code: CodeMesh) -> None:
    code.worker.rest()
    try:
        wait_until(lambda: answer(code.edge).get("error", {}).get("code") == "backend_unavailable", "nobody is there")
    finally:
        code.worker.wake()

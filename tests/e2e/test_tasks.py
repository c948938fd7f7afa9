"""The tasks extension over HTTP (ext-tasks, specification 2026-07-28), at two edges that share nothing but the broker."""

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from edge.handles.budget import TASKS
from tests.client import MODERN, Client
from tests.e2e.listening import acknowledged, listening
from tests.e2e.tasks_mesh import CAPABILITIES, DECLARED, Slow
from tests.e2e.test_same_call import LEGACY
from tests.mesh import wait_until

METHODS: dict[str, dict[str, Any]] = {"tasks/get": {}, "tasks/update": {"inputResponses": {}}, "tasks/cancel": {}}
ACCEPTED: dict[str, Any] = {"action": "accept", "content": {"confirm": True}}


def test_a_call_that_takes_long_is_a_task_at_once_and_ends_with_the_result_at_any_edge(slow: Slow) -> None:
    made = slow.call(slow.a, "slow_slow_compute", {"seconds": 0.8, "label": "task"}, **DECLARED)["result"]
    task_id = made["taskId"]
    assert made["resultType"] == "task"
    assert made["status"] == "working"
    assert type(made["ttlMs"]) is type(made["pollIntervalMs"]) is int
    assert datetime.fromisoformat(made["createdAt"]).utcoffset() is not None
    assert slow.about(slow.b, "tasks/get", task_id) == made | {"resultType": "complete"}
    done = slow.wait_for(slow.b, task_id, "completed")
    assert done["result"]["content"][0]["text"] == "computed task"
    assert datetime.fromisoformat(done["lastUpdatedAt"]) > datetime.fromisoformat(done["createdAt"])
    assert slow.about(slow.a, "tasks/get", task_id)["result"] == done["result"]
    assert slow.ran("slow_compute", "task") == 1


def test_a_call_that_ends_soon_is_no_task(slow: Slow) -> None:
    answer = slow.call(slow.a, "slow_greet", {"name": "you"}, **DECLARED)
    assert answer["result"]["resultType"] == "complete"
    assert answer["result"]["content"][0]["text"] == "Hello, you!"


def test_a_client_that_does_not_take_tasks_waits_for_its_result(slow: Slow) -> None:
    metas: list[dict[str, Any]] = [{}, {CAPABILITIES: {"extensions": {}}}, {CAPABILITIES: {"extensions": {TASKS: None}}}]
    for meta in metas:
        answer = slow.call(slow.a, "slow_slow_compute", {"seconds": 0.5, "label": "no task"}, **meta)
        assert answer["result"]["content"][0]["text"] == "computed no task"


def test_a_tools_own_error_completes_its_task_and_a_protocol_error_fails_it(slow: Slow) -> None:
    failing, broken = slow.task(slow.a, "slow_failing_job"), slow.task(slow.b, "slow_protocol_error_job")
    assert slow.wait_for(slow.b, failing, "completed")["result"]["isError"] is True
    failed = slow.wait_for(slow.a, broken, "failed")
    assert failed["error"] == {"code": -32603, "message": "the job broke", "data": {"part": 7}}
    assert "the job broke" in failed["statusMessage"]
    assert "result" not in failed


def test_input_is_given_at_one_edge_and_the_task_goes_on_at_the_other(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_confirm_delete", {"filename": "a"})
    asked = slow.wait_for(slow.b, task_id, "input_required")
    assert "requestState" not in asked
    [(key, request)] = asked["inputRequests"].items()
    assert request["method"] == "elicitation/create"
    assert slow.about(slow.b, "tasks/update", task_id, inputResponses={key: ACCEPTED}) == {"resultType": "complete"}
    assert slow.about(slow.a, "tasks/get", task_id)["status"] == "working"
    done = slow.wait_for(slow.a, task_id, "completed")
    assert done["result"]["content"][0]["text"] == "deleted a: {'confirm': True}"
    slow.about(slow.a, "tasks/update", task_id, inputResponses={key: ACCEPTED})
    assert slow.about(slow.a, "tasks/get", task_id)["status"] == "completed"
    assert slow.ran("confirm_delete", "a") == 1


def test_the_same_input_sent_many_times_at_once_to_both_edges_runs_the_call_once(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_confirm_delete", {"filename": "once"})
    [key] = slow.wait_for(slow.b, task_id, "input_required")["inputRequests"]
    with ThreadPoolExecutor(8) as pool:
        edges = [slow.a, slow.b] * 4
        answers = pool.map(lambda e: slow.about(e, "tasks/update", task_id, inputResponses={key: ACCEPTED}), edges)
        assert list(answers) == [{"resultType": "complete"}] * 8
    slow.wait_for(slow.a, task_id, "completed")
    slow.task(slow.a, "slow_slow_compute", {"seconds": 0.6, "label": "meanwhile"})
    assert slow.ran("confirm_delete", "once") == 1


def test_a_task_waits_until_all_its_input_is_there_and_shows_what_is_missing(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_multi_input")
    asked = slow.wait_for(slow.a, task_id, "input_required")["inputRequests"]
    keys = {key.partition("-")[2]: key for key in asked}
    assert set(keys) == {"name", "confirm"}
    slow.about(slow.b, "tasks/update", task_id, inputResponses={"made up": ACCEPTED, keys["confirm"]: ACCEPTED})
    left = slow.about(slow.a, "tasks/get", task_id)
    assert left["status"] == "input_required"
    assert list(left["inputRequests"]) == [keys["name"]]
    late: dict[str, Any] = {"action": "accept", "content": {"confirm": False}}
    named: dict[str, Any] = {"action": "accept", "content": {"name": "Ada"}}
    slow.about(slow.a, "tasks/update", task_id, inputResponses={keys["confirm"]: late, keys["name"]: named})
    done = slow.wait_for(slow.b, task_id, "completed")
    assert done["result"]["content"][0]["text"] == "both: {'name': 'Ada'} {'confirm': True}"


def test_a_key_is_never_used_twice_in_the_life_of_a_task(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_twice_asked")
    words: dict[str, str] = {}
    for word in ("one", "two"):
        wait_until(
            lambda: set(slow.about(slow.b, "tasks/get", task_id).get("inputRequests", {})) - set(words), "it asks anew", 10
        )
        [key] = slow.about(slow.b, "tasks/get", task_id)["inputRequests"]
        words[key] = word
        given: dict[str, Any] = {"action": "accept", "content": {"word": word}}
        # The first answer once more: that round is over.
        slow.about(slow.a, "tasks/update", task_id, inputResponses=dict.fromkeys(words, given))
    done = slow.wait_for(slow.a, task_id, "completed")
    assert len(words) == 2
    assert done["result"]["content"][0]["text"] == "one and two"


def test_a_server_of_the_2025_era_that_asks_in_mid_call_asks_through_the_task(slow: Slow) -> None:
    task_id = slow.task(slow.a, "old_slow_ask")
    [(key, request)] = slow.wait_for(slow.b, task_id, "input_required")["inputRequests"].items()
    assert request["params"]["message"] == "Your name?"
    named: dict[str, Any] = {"action": "accept", "content": {"name": "Ada"}}
    slow.about(slow.b, "tasks/update", task_id, inputResponses={key: named})
    assert slow.wait_for(slow.a, task_id, "completed")["result"]["content"][0]["text"] == "accept Ada"


def test_a_running_read_is_cancelled(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_slow_compute", {"seconds": 1.5, "label": "cancelled"})
    assert slow.about(slow.b, "tasks/cancel", task_id) == {"resultType": "complete"}
    ended = slow.wait_for(slow.a, task_id, "cancelled")
    assert not {"result", "error", "inputRequests"} & set(ended)
    assert slow.about(slow.a, "tasks/cancel", task_id) == {"resultType": "complete"}


def test_a_write_that_was_sent_runs_to_its_end_although_it_is_cancelled(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_slow_write", {"seconds": 0.7, "label": "write"})
    slow.about(slow.b, "tasks/cancel", task_id)
    done = slow.wait_for(slow.a, task_id, "completed")
    assert done["result"]["content"][0]["text"] == "computed write"
    assert slow.ran("slow_write", "write") == 1


def test_a_call_that_was_not_started_is_dropped_by_its_cancel(slow: Slow) -> None:
    worker = slow.running.workers[0]
    worker.send(signal.SIGSTOP)
    try:
        task_id = slow.task(slow.a, "slow_slow_write", {"seconds": 0, "label": "dropped"})
        slow.about(slow.b, "tasks/cancel", task_id)
        assert slow.about(slow.a, "tasks/get", task_id)["status"] == "cancelled"
    finally:
        worker.send(signal.SIGCONT)
    assert slow.call(slow.a, "slow_greet", {"name": "you"})["result"]["content"]
    assert slow.ran("slow_write", "dropped") == 0


def test_a_task_that_waits_for_input_is_cancelled_and_takes_none_any_more(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_confirm_delete", {"filename": "spared"})
    [key] = slow.wait_for(slow.b, task_id, "input_required")["inputRequests"]
    slow.about(slow.b, "tasks/cancel", task_id)
    slow.about(slow.a, "tasks/update", task_id, inputResponses={key: ACCEPTED})
    assert slow.about(slow.a, "tasks/get", task_id)["status"] == "cancelled"
    assert slow.ran("confirm_delete", "spared") == 0


@pytest.mark.parametrize("method", METHODS)
def test_who_does_not_declare_the_extension_is_told_to(slow: Slow, method: str) -> None:
    task_id = slow.task(slow.a, "slow_slow_compute", {"seconds": 0.3, "label": f"undeclared {method}"})
    answer = slow.send(slow.a, method, {"taskId": task_id, **METHODS[method]})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == -32021
    assert error["data"] == {"requiredCapabilities": {"extensions": {TASKS: {}}}}


@pytest.mark.parametrize("method", METHODS)
def test_a_task_of_another_principal_looks_like_one_that_there_is_not(slow: Slow, stranger: Client, method: str) -> None:
    task_id = slow.task(slow.a, "slow_confirm_delete", {"filename": method})
    for edge, name in ((stranger, task_id), (slow.a, "0" * 32), (slow.a, "x"), (slow.a, f"{task_id}:lock")):
        answer = slow.send(edge, method, {"taskId": name, **METHODS[method]}, **DECLARED)
        assert answer.status_code == 400
        assert answer.json()["error"] == {
            "code": -32602,
            "message": "There is no such task: it may have expired.",
            "data": {"code": "invalid_params", "retryable": False},
        }
    assert slow.wait_for(slow.a, task_id, "input_required")["taskId"] == task_id


@pytest.mark.parametrize("method", METHODS)
def test_the_header_must_name_the_task(slow: Slow, method: str) -> None:
    task_id = slow.task(slow.a, "slow_slow_compute", {"seconds": 0.3, "label": f"header {method}"})
    body = slow.a.body(method, {"taskId": task_id, **METHODS[method]}, 1, MODERN, **DECLARED)
    for name in (None, "0" * 32, task_id.upper()):
        answer = slow.a.post(body, slow.a.headers(method, name))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("params", [{}, {"taskId": 7}, {"taskId": None}, {"taskId": ["x"]}])
def test_a_request_that_names_no_task_is_invalid(slow: Slow, params: dict[str, Any]) -> None:
    answer = slow.a.post(slow.a.body("tasks/get", params, 1, MODERN, **DECLARED), slow.a.headers("tasks/get"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("responses", [None, [], "x", ...])
def test_an_update_without_responses_is_invalid(slow: Slow, responses: Any) -> None:
    task_id = slow.task(slow.a, "slow_slow_compute", {"seconds": 0.3, "label": f"given {responses}"})
    params = {"taskId": task_id} | ({} if responses is ... else {"inputResponses": responses})
    answer = slow.send(slow.a, "tasks/update", params, **DECLARED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)


def test_methods_that_the_extension_does_not_have_are_not_found(slow: Slow) -> None:
    for method in ("tasks/list", "tasks/result"):
        assert slow.send(slow.a, method, {"taskId": "x"}, **DECLARED).json()["error"]["code"] == -32601
    for method in METHODS:
        assert slow.a.request(method, {"taskId": "x"}, LEGACY)["error"]["code"] == -32601


def test_the_2026_era_is_told_of_the_extension_at_every_endpoint_and_the_2025_era_is_not(slow: Slow) -> None:
    for path in ("/mcp", "/mcp/b/slow"):
        said = slow.send(slow.a, "server/discover", {}, path).json()["result"]["capabilities"]
        assert said["extensions"] == {TASKS: {}}
        hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        answer = slow.a.post(slow.a.body("initialize", hello, era=LEGACY), slow.a.headers("initialize", era=LEGACY), path)
        assert "extensions" not in answer.json()["result"]["capabilities"]


def test_listening_for_tasks_takes_the_extension_and_gets_none_of_them(slow: Slow) -> None:
    wanted = {"toolsListChanged": True, "taskIds": ["0" * 32]}
    refused = slow.send(slow.a, "subscriptions/listen", {"notifications": wanted})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32021)
    with listening(slow.a, wanted, **DECLARED) as events:
        assert acknowledged(events) == {"toolsListChanged": True}


def test_what_is_kept_of_a_task_is_gone_in_time(slow: Slow) -> None:
    task_id = slow.task(slow.a, "slow_slow_compute", {"seconds": 0.3, "label": "kept"})
    with slow.running.broker.client() as redis:
        assert 600_000 < redis.pttl(f"tm:handle:{task_id}") <= 720_000
        assert redis.exists(f"tm:handle:{task_id}:lock") == 0

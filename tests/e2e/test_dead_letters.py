"""Dead letters on a running mesh: how a call becomes one, and how the owner, and nobody else, has it sent again."""

import hashlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared import keys
from shared.codec import seal
from shared.identity import Principal
from shared.messages import ToolCall
from tests.client import MODERN, Client
from tests.e2e.upstream import upstream
from tests.letters import RING, STRANGER, a_call, is_there, job, plant, set_aside
from tests.mesh import API_KEY, Mesh, free_port, mesh, wait_until
from tests.prepared_start import run_toolmesh

RETRY = "toolmesh/queue/retry"
FOREIGN_KEY = "a-key-of-somebody-else-42"
BACKENDS = f"""backends:
  - {{name: elsewhere, transport: http, url: 'http://127.0.0.1:{free_port()}/mcp', group: other}}
"""


@dataclass
class Live:
    """A mesh with two edges and one worker that serves `echo`."""

    mesh: Mesh
    edges: list[Client]
    foreign: Client
    letter: ToolCall
    """Set aside before anybody served anything."""

    def retry(self, call_id: str, edge: int = 0, era: str = MODERN, **params: Any) -> dict[str, Any]:
        return self.edges[edge].request(RETRY, {"callId": call_id, **params}, era)

    def planted(self, **fields: Any) -> ToolCall:
        call = a_call(**fields)
        plant(self.mesh.broker, call.call_id, job(call))
        return call

    def is_there(self, call: ToolCall) -> bool:
        return is_there(self.mesh.broker, call.call_id)

    def outcomes(self, arguments: bytes) -> list[dict[str, object]]:
        """Records of the ends of calls with these arguments."""
        digest = hashlib.sha256(arguments).hexdigest()[:32]
        return [r for r in self.mesh.audit() if r["phase"] == "outcome" and r["arguments_sha256"] == digest]

    def barrier(self) -> None:
        """Nothing that was enqueued before is still under way, nor unrecorded, when this returns."""
        mark = f"barrier-{threading.get_ident()}-{len(self.mesh.audit())}"
        assert self.edges[0].text("echo_echo", {"message": mark}) == mark
        raw = json.dumps({"message": mark}).encode()
        wait_until(lambda: self.outcomes(raw), "the barrier is in the audit")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with mesh(tmp_path_factory.mktemp("mesh"), BACKENDS) as running:
        digest = hashlib.sha256(FOREIGN_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - {{user_id: bob, key_sha256: {digest}}}\n")
        letter = a_call()
        set_aside(running.broker, letter)
        running.start_worker("--backends", "echo")
        edges = [running.start_edge(), running.start_edge()]
        for edge in edges:
            running.wait_for_tools(edge, "echo_echo")
        foreign = Client(edges[0].url, FOREIGN_KEY)
        running.clients.append(foreign)
        yield Live(running, edges, foreign, letter)


def toolmesh(live: Live, *arguments: str, edge: int = 0) -> "subprocess.CompletedProcess[str]":
    where = ("--url", live.edges[edge].url) if arguments[0] == "retry" else ()
    command = ("queue", *arguments, "--config", str(live.mesh.config), *where)
    return run_toolmesh(*command, environment=live.mesh.environment())


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["result"]["content"][0]["text"])


def test_the_owner_sends_a_dead_letter_again_and_it_runs_for_whom_it_was(live: Live) -> None:
    done = toolmesh(live, "retry", live.letter.call_id, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["state"], text_of(answer)) == ("over", "canary-of-ada")
    assert answer["callId"] != live.letter.call_id
    assert not live.is_there(live.letter)

    found: list[dict[str, object]] = []

    def recorded() -> bool:
        found[:] = [r for r in live.mesh.audit() if r["call_id"] in (answer["callId"], live.letter.call_id)]
        return len(found) == 3

    wait_until(recorded, "all three records are written: it was set aside, was sent again, and is over")
    (outcome,) = [r for r in found if r["call_id"] == answer["callId"]]
    assert (outcome["code"], outcome["subject"], outcome["caller_id"]) == ("ok", "ada", "adas-key")
    (retried,) = [r for r in found if r["phase"] == "answered"]
    assert (retried["code"], retried["subject"]) == ("retried", "owner")
    assert (retried["call_id"], retried["detail"]) == (live.letter.call_id, answer["callId"])


def test_what_was_sent_again_is_no_dead_letter_any_more(live: Live) -> None:
    call = live.planted()
    assert "result" in live.retry(call.call_id)["result"]
    again = live.retry(call.call_id)
    assert again["error"]["code"] == -32602
    assert "no dead letter" in again["error"]["message"]
    done = toolmesh(live, "retry", call.call_id)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no dead letter" in done.stderr


def test_two_who_send_it_again_at_once_over_two_edges_make_one_call(live: Live) -> None:
    for number in range(10):
        arguments = b'{"message":"twice-%d"}' % number
        call = live.planted(arguments=arguments)
        both = threading.Barrier(2)
        clients = [Client(edge.url, API_KEY) for edge in live.edges]

        def send(client: Client, call: ToolCall = call, both: threading.Barrier = both) -> dict[str, Any]:
            both.wait(10)
            return client.request(RETRY, {"callId": call.call_id})

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(send, clients))
        for client in clients:
            client.close()
        assert sorted("result" in answer for answer in answers) == [False, True], answers
        live.barrier()
        assert len(live.outcomes(arguments)) == 1


@pytest.mark.parametrize("era", [MODERN, "2025-06-18", ""])
def test_it_is_a_method_in_both_eras(live: Live, era: str) -> None:
    answer = live.retry(live.planted().call_id, era=era)
    assert text_of(answer["result"]) == "canary-of-ada"


@pytest.mark.parametrize("era", [MODERN, "2025-06-18"])
def test_to_everybody_else_there_is_no_such_method(live: Live, era: str) -> None:
    call = live.planted()
    other = RETRY.replace("retry", "nothing")
    there, missing = (live.foreign.request(method, {"callId": call.call_id}, era) for method in (RETRY, other))
    assert there["error"]["code"] == -32601
    assert json.loads(json.dumps(there).replace(RETRY, other)) == missing
    assert live.is_there(call)
    environment = live.mesh.environment(TOOLMESH_API_KEY=FOREIGN_KEY)
    done = run_toolmesh("queue", "retry", call.call_id, "--url", live.edges[0].url, environment=environment)
    assert done.returncode == 2
    assert "only the owner" in done.stderr


def test_a_forged_letter_is_refused_and_nothing_is_sent(live: Live) -> None:
    call = a_call(arguments=b'{"message":"forged"}')
    good, envelope = job(call), seal(RING, "default", call)
    assert good.count(envelope) == 1
    letters = {"default": [job(call, ring=STRANGER), job(call, group="other"), b"nonsense"], "other": [job(call, "other")]}
    for at in range(good.index(envelope), good.index(envelope) + len(envelope), 7):
        flipped = bytearray(good)
        flipped[at] ^= 0x20
        letters["default"].append(bytes(flipped))
    for group, payloads in letters.items():
        for payload in payloads:
            plant(live.mesh.broker, call.call_id, payload, group)
            answer = live.retry(call.call_id)
            assert "error" in answer, f"believed: {payload!r}"
            assert answer["error"]["data"]["code"] == "forged_message", answer
            assert is_there(live.mesh.broker, call.call_id, group), "it is kept for the operator to look at"
            with live.mesh.broker.client() as redis:
                redis.delete(keys.dead_letter(keys.job_id(group, call.call_id)))
                redis.zrem(keys.dead_letters(group), keys.job_id(group, call.call_id))
    live.barrier()
    assert live.outcomes(call.arguments) == []
    refused = [r for r in live.mesh.audit() if r["phase"] == "refused" and r["tool"] == "dead letter"]
    assert len(refused) == sum(len(payloads) for payloads in letters.values())


def test_a_letter_that_two_groups_claim_to_have_is_not_sent(live: Live) -> None:
    call = live.planted()
    plant(live.mesh.broker, call.call_id, job(call, "other"), "other")
    assert live.retry(call.call_id)["error"]["data"]["code"] == "forged_message"
    assert live.is_there(call)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"principal": Principal(subject="bob")}, "unknown_tool"),
        ({"tool": "gone"}, "unknown_tool"),
        ({"arguments": b'{"message":7}'}, "invalid_arguments"),
        ({"backend": "gone", "queue": keys.queue("default", "gone", "read")}, "backend_unavailable"),
        ({"parked": "a-call-of-a-worker-that-is-gone"}, "invalid_params"),
    ],
)
def test_what_would_be_refused_now_is_refused_and_the_letter_stays(live: Live, fields: dict[str, Any], code: str) -> None:
    call = live.planted(**fields)
    answer = live.retry(call.call_id)
    assert answer["error"]["data"]["code"] == code
    assert live.is_there(call)


def test_a_backend_without_a_worker_keeps_its_letters(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        worker = running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "echo_echo")
        assert worker.stop() == 0
        call = a_call()
        plant(running.broker, call.call_id, job(call))
        answer = edge.request(RETRY, {"callId": call.call_id})
        assert answer["error"]["data"]["code"] == "backend_unavailable"
        assert is_there(running.broker, call.call_id)


@pytest.mark.parametrize(
    "params", [{"callId": 1}, {"callId": "a.b"}, {"callId": "x", "waitS": 11}, {"callId": "x", "waitS": True}]
)
def test_params_that_are_none_are_refused(live: Live, params: dict[str, Any]) -> None:
    assert live.edges[0].request(RETRY, params)["error"]["code"] == -32602


def upstream_call(tool: str, arguments: dict[str, Any]) -> ToolCall:
    return a_call(
        queue=keys.queue("default", "up", "read"), backend="up", tool=tool, arguments=json.dumps(arguments).encode()
    )


def test_the_answer_comes_in_time_with_the_end_or_without_it(tmp_path: Path) -> None:
    classes = "{sleep: read, fail: read}"
    with (
        upstream(tmp_path) as up,
        mesh(tmp_path, "backends:\n" + up.entry(classes=classes), TOOLMESH_EXEC_TIMEOUT="2") as running,
    ):
        worker = running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_sleep")
        live = Live(running, [edge], edge, a_call())

        def sent_again(call: ToolCall, code: int, *options: str) -> dict[str, Any]:
            plant(running.broker, call.call_id, job(call))
            done = toolmesh(live, "retry", call.call_id, "--json", *options)
            assert done.returncode == code, done.stderr
            return dict(json.loads(done.stdout))

        def shown(call_id: str) -> dict[str, Any]:
            return dict(json.loads(toolmesh(live, "show", call_id, "--json").stdout))

        answer = sent_again(upstream_call("fail", {}), 1)
        assert (answer["state"], answer["result"]["isError"]) == ("over", True)

        answer = sent_again(upstream_call("sleep", {"ms": 700}), 0, "--wait", "0")
        assert answer == {"callId": answer["callId"], "state": "running"}
        wait_until(lambda: shown(answer["callId"])["state"] == "over", "the call is over")
        assert shown(answer["callId"])["code"] == "ok"

        worker.send(signal.SIGSTOP)
        try:
            late = sent_again(upstream_call("sleep", {"ms": 1}), 0, "--wait", "0")["callId"]
            wait_until(lambda: shown(late)["state"] == "over", "the edge ends what no worker began")
            assert shown(late)["code"] == "deadline_exceeded"
        finally:
            worker.send(signal.SIGCONT)
        wait_until(
            lambda: [r["code"] for r in running.audit() if r["call_id"] == late] == ["deadline_exceeded"],
            "its end is in the audit, once",
        )


def test_a_read_that_kills_its_workers_is_found_and_sent_again_on_a_healthy_one(tmp_path: Path) -> None:
    quick = {"TOOLMESH_LEASE_S": "1", "TOOLMESH_LEASE_RENEW_S": "0.3", "TOOLMESH_SWEEP_S": "0.2"}
    with mesh(tmp_path, **quick) as running:
        deadly = {"TOOLMESH_FAILPOINTS": "worker.after_dispatch=kill"}
        doomed = [running.start_worker(**deadly), running.start_worker(**deadly)]
        edge = running.start_edge()
        running.wait_for_tools(edge, "echo_echo")
        answers: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: answers.append(edge.call("echo_echo", {"message": "deadly"})), daemon=True)
        asking.start()
        wait_until(lambda: not any(worker.running for worker in doomed), "the call has killed both workers")
        running.start_worker()
        asking.join(30)
        error = answers[0]["result"]["structuredContent"]["error"]
        assert error["code"] == "dead_lettered"

        live = Live(running, [edge], edge, a_call())
        (letter,) = json.loads(toolmesh(live, "ls", "--json").stdout)["dead_letters"]
        assert (letter["call_id"], letter["tool"], letter["class"]) == (error["call_id"], "echo", "read")
        assert letter["died"].startswith("dead_lettered: ")
        shown = json.loads(toolmesh(live, "show", error["call_id"], "--json").stdout)
        assert (shown["state"], shown["signature"]) == ("dead_letter", "ok")
        answer = json.loads(toolmesh(live, "retry", error["call_id"], "--json").stdout)
        assert text_of(answer) == "deadly"
        assert json.loads(toolmesh(live, "ls", "--json").stdout)["dead_letters"] == []
        after = json.loads(toolmesh(live, "show", answer["callId"], "--json").stdout)
        assert (after["state"], after["code"]) == ("over", "ok")

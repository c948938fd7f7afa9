"""Two edges and two workers on one broker: every answer on its own stream, whatever the clients call their requests."""

import asyncio
import signal
from pathlib import Path

import httpx2

from tests.client import Client
from tests.mesh import mesh, wait_until


async def _call(http: httpx2.AsyncClient, client: Client, rpc_id: object, message: str) -> dict[str, object]:
    body = client.body("tools/call", {"name": "echo_echo", "arguments": {"message": message}}, rpc_id)
    answer = await http.post(client.mcp_url, content=body, headers=client.headers("tools/call", "echo_echo"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_thousand_calls_with_colliding_ids_over_both_edges_each_get_their_own_answer(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        running.start_worker()
        running.start_worker()
        clients = [running.start_edge(), running.start_edge()]
        for client in clients:
            running.wait_for_tools(client, "echo_echo")

        async def main() -> None:
            numbers = iter(range(1000))
            answered: list[int] = []

            async def lane(http: httpx2.AsyncClient) -> None:
                for number in numbers:
                    message = f"canary-{number}"
                    answer = await _call(http, clients[number % 2], number % 7, message)
                    assert answer["id"] == number % 7
                    assert answer["result"]["content"] == [{"type": "text", "text": message}]  # type: ignore[index]
                    answered.append(number)

            async with httpx2.AsyncClient(trust_env=False, timeout=30) as http, asyncio.timeout(90):
                await asyncio.gather(*(lane(http) for _ in range(40)))
            assert sorted(answered) == list(range(1000))

        asyncio.run(main())
        wait_until(lambda: len(_outcomes(running.audit())) >= 1000, "all calls are in the audit")
        outcomes = _outcomes(running.audit())
        assert len(outcomes) == 1000
        assert len({line["call_id"] for line in outcomes}) == 1000
        assert len({line["role"] for line in outcomes}) == 2, "both workers took part"


def _outcomes(audit: list[dict[str, object]]) -> list[dict[str, object]]:
    return [line for line in audit if line["phase"] == "outcome"]


def test_roles_stop_cleanly_when_they_are_told_to(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        worker = running.start_worker()
        client = running.start_edge()
        running.wait_for_tools(client, "echo_add")
        assert client.text("echo_add", {"a": 2, "b": 3}) == "5"
        edge, _ = running.edges[0]
        assert edge.stop() == 0
        assert worker.stop() == 0
        assert "Traceback" not in edge.output() + worker.output()


def test_without_a_live_worker_a_call_is_answered_at_once_and_the_list_stays(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        worker = running.start_worker()
        client = running.start_edge()
        running.wait_for_tools(client, "echo_add")
        worker.stop()
        answer = client.call("echo_add", {"a": 1, "b": 1})
        assert answer["result"]["isError"]
        assert answer["result"]["structuredContent"]["error"]["code"] == "backend_unavailable"
        assert "echo_add" in client.tool_names()
        with running.broker.client() as redis:
            assert redis.keys("arq:job:*") == []
        running.start_worker()
        wait_until(lambda: client.succeeds("echo_add", {"a": 1, "b": 1}), "a worker is back")


def test_readiness_follows_the_broker_and_calls_say_so(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        running.start_worker()
        client = running.start_edge()
        running.wait_for_tools(client, "echo_add")
        running.broker.process.send(signal.SIGSTOP)
        wait_until(lambda: not client.is_ready(), "the edge notices that the broker is away")
        body = client.body("tools/call", {"name": "echo_add", "arguments": {"a": 1, "b": 2}})
        refused = client.post(body, client.headers("tools/call", "echo_add"))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == -32012
        assert client.get("/livez").status_code == 200
        running.broker.process.send(signal.SIGCONT)
        wait_until(client.is_ready, "the edge is back")
        wait_until(lambda: client.succeeds("echo_add", {"a": 1, "b": 2}), "calls work")
        assert client.text("echo_add", {"a": 1, "b": 2}) == "3"


def test_a_broker_that_comes_back_empty_is_set_up_again(tmp_path: Path) -> None:
    with mesh(tmp_path) as running:
        running.start_worker()
        client = running.start_edge()
        running.wait_for_tools(client, "echo_add")
        running.broker.process.kill()
        running.broker.start()
        wait_until(client.is_ready, "the edge is back")
        wait_until(lambda: client.succeeds("echo_add", {"a": 1, "b": 2}), "calls work")
        assert client.text("echo_add", {"a": 1, "b": 2}) == "3"

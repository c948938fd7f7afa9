"""The edge's channel loses messages: the durable copy makes up for it."""

import threading
from pathlib import Path

from shared import keys
from tests.client import Client, messages_of
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, mesh, wait_until


def test_calls_whose_channel_is_cut_in_mid_flight_are_all_answered_once_and_without_gaps(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_slow_progress")
        answers: list[list[dict[str, object]]] = []

        def ask() -> None:
            client = Client(edge.url, API_KEY)
            with client.stream("up_slow_progress", {"steps": 10, "step_ms": 100}, progressToken="t") as answer:
                answers.append(messages_of("".join(answer.iter_text())))
            client.close()

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        with running.broker.client() as redis:
            wait_until(lambda: len(list(redis.scan_iter(keys.events("*")))) == 10, "all calls report progress")
            for _ in range(3):
                redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                wait_until(lambda: redis.pubsub_channels(keys.reply_channel("*")), "the edge listens again")
        for thread in threads:
            thread.join(60)
        assert len(answers) == 10
        for messages in answers:
            steps = [m["params"]["progress"] for m in messages if m.get("method") == "notifications/progress"]  # type: ignore[index]
            assert steps == list(range(1, 11))
            assert messages[-1]["result"]["content"][0]["text"] == "10 steps"  # type: ignore[index]


def test_a_slow_reader_loses_progress_and_never_the_result(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge(TOOLMESH_CALL_EVENTS_MAX="3")
        running.wait_for_tools(edge, "up_slow_progress")
        with edge.stream("up_slow_progress", {"steps": 200, "step_ms": 1}, progressToken="t") as answer:
            messages = messages_of("".join(answer.iter_text()))
        assert messages[-1]["result"]["content"][0]["text"] == "200 steps"
        steps = [m["params"]["progress"] for m in messages[:-1]]
        assert steps == sorted(steps)

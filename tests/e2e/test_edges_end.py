"""Edges that stop, and edges that are killed, under clients of every age: what goes on elsewhere, and what is over."""

import signal
from collections.abc import Iterator

import pytest

from tests.e2e.listening import EVERYTHING, ID, acknowledged, listening, wait_for_subscription
from tests.e2e.old_client import OldClient
from tests.e2e.sse_client import connected
from tests.e2e.wide_mesh import GUEST_KEY, Wide, wide_mesh
from tests.mesh import wait_until


@pytest.fixture(scope="module")
def ending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    limits = {"TOOLMESH_DRAIN_S": "120", "TOOLMESH_INBOX_MESSAGES_MAX": "3", "TOOLMESH_INBOX_RUNNING_MAX": "2"}
    with wide_mesh(tmp_path_factory.mktemp("ending"), **limits) as found:
        yield found


def test_an_edge_that_stops_ends_all_streams_at_once_and_nobody_has_heard_what_is_not_for_them(ending: Wide) -> None:
    process, _ = ending.running.edges[0]
    deaf_to = {"promptsListChanged": True, "resourceSubscriptions": ["up+note://other"]}
    with (
        ending.client() as client,
        client.listen(0) as standing,
        connected(ending.a) as legacy,
        listening(ending.a, EVERYTHING, "owner") as events,
        listening(ending.a, EVERYTHING, "guest", GUEST_KEY) as nothing,
        listening(ending.a, deaf_to, "deaf") as deaf,
    ):
        assert standing.next() is not None
        legacy.initialize(ending.b)
        assert acknowledged(events) == EVERYTHING
        assert "resourceSubscriptions" not in acknowledged(nothing), "it may reach none"
        assert acknowledged(deaf) == deaf_to
        wait_for_subscription(ending, "note://counter")
        wait_for_subscription(ending, "note://other")
        ending.grow()
        ending.b.text("up_touch", {"uri": "note://counter"})
        heard = {events.message()["method"] for _ in range(2)}
        assert heard == {"notifications/tools/list_changed", "notifications/resources/updated"}
        process.send(signal.SIGTERM)
        for stream, rpc_id in ((events, "owner"), (nothing, "guest"), (deaf, "deaf")):
            last = {"jsonrpc": "2.0", "id": rpc_id, "result": {"resultType": "complete", "_meta": {ID: rpc_id}}}
            assert stream.rest() == [last]
        for stream in (standing, legacy.events):
            assert [message["method"] for message in stream.rest()] == ["notifications/tools/list_changed"]
        wait_until(lambda: not process.running, "it stops well before the drain's end")
        assert process.stop() == 0
        assert "Traceback" not in process.output()
        with client.listen(1, standing.last_id) as again:
            ending.grow()
            assert again.message()["method"] == "notifications/tools/list_changed"


def test_calls_outlive_a_killed_edge_for_clients_with_a_session_and_legacy_streams_do_not(ending: Wide) -> None:
    doomed = ending.running.start_edge()
    ending.running.wait_for_tools(doomed, "up_slow_progress")
    with OldClient(doomed, ending.b) as client, connected(doomed) as legacy:
        client.initialize()
        legacy.initialize(ending.b)
        message = OldClient.request("tools/call", {"name": "up_sleep", "arguments": {"ms": 3000}})
        answers = [legacy.post(ending.b, message | {"id": number}) for number in range(12)]
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(202) in (5, 6)
        assert statuses.count(503) == 12 - statuses.count(202)
        full = answers[-1]
        assert (full.json()["error"]["code"], full.headers["retry-after"]) == (-32013, "1")
        request = client.call("up_slow_progress", {"steps": 15, "step_ms": 60}, 1, progressToken=1)
        with client.streamed(request) as events:
            assert events.message()["params"]["progress"] == 1
            last = events.last_id
            ending.running.edges[-1][0].send(signal.SIGKILL)
        with client.listen(1, last) as events:
            rest = events.rest()
        assert [m["params"]["progress"] for m in rest[:-1]] == list(range(2, 16))
        assert rest[-1]["result"]["content"][0]["text"] == "15 steps"
        ping = OldClient.request("ping")
        wait_until(lambda: legacy.post(ending.b, ping).status_code == 404, "the session died with its edge")
        with connected(ending.b) as again:
            assert again.initialize(ending.b)["serverInfo"]["name"] == "toolmesh"

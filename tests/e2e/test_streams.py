"""Standing streams of the 2025 era, and streams of calls that are taken up again, on any edge (MCP 2025-11-25)."""

import hashlib
import socket
from contextlib import ExitStack
from pathlib import Path

from shared import keys
from tests.e2e.old_client import Events, OldClient
from tests.e2e.wide_mesh import GUEST_KEY, Wide
from tests.mesh import mesh, wait_until

TOOLS_CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def updated(uri: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}}


def follow(wide: Wide, client: OldClient, uri: str, edge: int = 0) -> None:
    """Subscribe, and wait until the worker knows."""
    assert client.result(client.request("resources/subscribe", {"uri": f"up+{uri}"}), edge) == {}
    with wide.running.broker.client() as redis:
        wait_until(lambda: any(uri.encode() in raw for raw in redis.hvals(keys.wanted("default", "up"))), "it is wanted")
    with OldClient(wide.a) as asking:
        asking.initialize()
        wait_until(lambda: uri in asking.text("up_subscriptions", {}), "the upstream is asked to tell")


def touch(wide: Wide, uri: str) -> None:
    with wide.client() as client:
        client.text("up_touch", {"uri": uri})


def test_what_changed_reaches_the_stream_on_the_other_edge_and_the_new_list_is_there(wide: Wide) -> None:
    with wide.client() as client, client.listen(1) as events:
        primer = events.next()
        assert primer is not None
        assert (primer.data, primer.id is not None) == ("", True)
        name = wide.grow()
        assert events.message() == TOOLS_CHANGED
        names = {tool["name"] for tool in client.result(client.request("tools/list"), 1)["tools"]}
        assert name in names


def test_a_session_hears_of_the_resources_that_it_follows_and_of_no_others(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other, client.listen(1) as events, other.listen(0) as others:
        assert events.next() is not None
        assert others.next() is not None
        follow(wide, client, "note://counter", edge=0)
        follow(wide, other, "note://other", edge=1)
        touch(wide, "note://counter")
        assert events.message() == updated("up+note://counter")
        client.result(client.request("resources/unsubscribe", {"uri": "up+note://counter"}), 0)
        touch(wide, "note://other")
        assert others.message() == updated("up+note://other"), "nothing of the other session came before"
        client.delete()
        assert events.rest() == []


def test_at_the_endpoint_of_one_backend_uris_are_its_own(wide: Wide) -> None:
    with wide.client(path="/mcp/b/up") as client, client.listen(1) as events:
        assert events.next() is not None
        assert client.result(client.request("resources/subscribe", {"uri": "note://item/5"}), 0) == {}
        with OldClient(wide.a) as asking:
            asking.initialize()
            wait_until(lambda: "note://item/5" in asking.text("up_subscriptions", {}), "the upstream is asked to tell")
        touch(wide, "note://item/5")
        assert events.message() == updated("note://item/5")


def test_who_may_use_nothing_hears_nothing(wide: Wide) -> None:
    with wide.client(GUEST_KEY) as guest, wide.client() as owner, guest.listen(1) as nothing, owner.listen(1) as events:
        assert nothing.next() is not None
        assert events.next() is not None
        refused = guest.post(guest.request("resources/subscribe", {"uri": "up+note://counter"})).json()
        assert refused["error"]["code"] == -32602
        follow(wide, owner, "note://counter")
        touch(wide, "note://counter")
        wide.grow()
        assert {events.message()["method"], events.message()["method"]} == {
            "notifications/resources/updated",
            TOOLS_CHANGED["method"],
        }
        guest.delete()
        assert nothing.rest() == []


def test_what_changed_while_the_stream_was_away_is_replayed_on_the_other_edge(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other:
        with client.listen(0) as events:
            assert events.next() is not None
            follow(wide, client, "note://item/1")
            follow(wide, client, "note://item/2")
            touch(wide, "note://item/1")
            assert events.message() == updated("up+note://item/1")
            last = events.last_id
        with other.listen(0) as others:
            assert others.next() is not None
            follow(wide, other, "note://item/3")
            touch(wide, "note://item/2")
            touch(wide, "note://item/3")
            assert others.message() == updated("up+note://item/3")
            # The id is no key to anything: the other session replays what it follows itself.
        with other.listen(1, last) as others:
            assert _resources(others, 1) == ["up+note://item/3"]
            other.delete()
            assert not [m for m in others.rest() if m["method"].endswith("updated")]
        with client.listen(1, last) as events:
            assert _resources(events, 1) == ["up+note://item/2"]
            client.delete()
            assert not [m for m in events.rest() if m["method"].endswith("updated")]


def _resources(events: Events, count: int) -> list[str]:
    """The next resources that were updated; a list that changed lately may be told again."""
    found: list[str] = []
    while len(found) < count:
        message = events.message()
        if message["method"] == "notifications/resources/updated":
            found.append(message["params"]["uri"])
    return found


def test_a_new_stream_of_a_session_ends_the_older_one_on_whichever_edge(wide: Wide) -> None:
    with wide.client() as client, client.listen(0) as first:
        assert first.next() is not None
        with client.listen(1) as second:
            assert second.next() is not None
            assert first.rest() == []
            with client.listen(1) as third:
                assert third.next() is not None
                assert second.rest() == []
                assert client.delete().status_code == 204
                assert third.rest() == []


def test_an_idle_stream_shows_signs_of_life(wide: Wide) -> None:
    with wide.client() as client, client.listen(1) as events:
        lines = events.answer.iter_lines()
        for _ in range(3):
            assert next(line for line in lines if line.startswith(":"))


def test_a_get_that_is_no_stream_is_refused(wide: Wide) -> None:
    with wide.client() as client:
        assert client.get(Accept="application/json").status_code == 406
        for event_id in ("1", "garbage", "c-1", "c--1-0", "0" * 16 + "_1", "x" * 5000, "c-99999999999999999999-0"):
            answer = client.get(1, **{"Last-Event-ID": event_id})
            assert answer.status_code == 400, event_id
            assert "Last-Event-ID" in answer.text


def test_a_call_whose_client_went_away_is_taken_up_again_at_the_other_edge(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other, wide.client(GUEST_KEY) as guest:
        request = client.call("up_slow_progress", {"steps": 20, "step_ms": 40}, "long", progressToken="p")
        with client.streamed(request) as events:
            assert events.message()["params"]["progress"] == 1
            assert events.message()["params"]["progress"] == 2
            last = events.last_id
            assert last is not None
        # Another session of the same user, and another user's, find nothing under the id.
        for stranger in (other, guest):
            assert stranger.get(1, **{"Last-Event-ID": last}).status_code == 400
        with client.listen(1, last) as events:
            rest = events.rest()
        assert [m["params"]["progress"] for m in rest[:-1]] == list(range(3, 21))
        assert {m["params"]["progressToken"] for m in rest[:-1]} == {"p"}
        assert rest[-1]["id"] == "long"
        assert rest[-1]["result"]["content"][0]["text"] == "20 steps"
        with client.listen(0, last) as events:
            assert events.rest() == rest, "as often as it is asked for"
        with client.listen(0, last.partition("_")[0] + "_999999") as events:
            assert events.rest() == rest[-1:]


def test_a_silent_call_is_primed_so_that_it_can_be_taken_up_again(wide: Wide) -> None:
    with wide.client() as client:
        with client.streamed(client.call("up_sleep", {"ms": 1500}, 5)) as events:
            primer = events.next()
            assert primer is not None
            assert primer.data == ""
            assert primer.id is not None
        with client.listen(1, primer.id) as events:
            assert events.rest()[-1]["result"]["content"][0]["text"] == "slept"


def test_one_client_can_not_hoard_streams_and_gets_its_places_back(tmp_path: Path) -> None:
    limits = {"TOOLMESH_STREAMS_PRINCIPAL_MAX": "20", "TOOLMESH_STREAMS_MAX": "25"}
    with mesh(tmp_path, **limits) as running:
        digest = hashlib.sha256(GUEST_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: guest\n    key_sha256: {digest}\n")
        edge = running.start_edge()
        port = int(edge.url.rpartition(":")[2])
        with OldClient(edge) as owner, OldClient(edge, api_key=GUEST_KEY) as guest, ExitStack() as sockets:
            statuses = [_open(owner, port, sockets) for _ in range(60)]
            assert statuses.count(200) == 20
            assert statuses.count(429) == 40
            assert owner.get().headers["retry-after"]
            assert [_open(guest, port, sockets) for _ in range(8)] == [200] * 5 + [503] * 3
            listen = edge.body("subscriptions/listen", {"notifications": {}})
            assert edge.post(listen, edge.headers("subscriptions/listen")).status_code == 429
            legacy = edge.get("/sse", Authorization=f"Bearer {GUEST_KEY}")
            assert legacy.status_code == 503
            sockets.close()
            wait_until(lambda: _open(owner, port, sockets) == 200, "the places are free again")
            sockets.close()


def _open(client: OldClient, port: int, sockets: ExitStack) -> int:
    """Open the stream of a new session over a connection of its own; gives the status, and leaves it open."""
    client.session_id = None
    client.initialize()
    connection = sockets.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
    fields = client.headers(Host=f"127.0.0.1:{port}", Authorization=client.http.headers["authorization"])
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"GET /mcp HTTP/1.1\r\n{head}\r\n".encode())
    return int(connection.recv(4096).split()[1])

"""Sessions on any edge: whose they are, what they remember, how they end (MCP 2025-11-25, "Session management")."""

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import redis

from shared import keys
from shared.audit import decode_record
from tests.client import Client, messages_of
from tests.e2e.old_client import OldClient
from tests.e2e.wide_mesh import GUEST_KEY, Wide
from tests.mesh import mesh, wait_until

UNKNOWN = "A" * 43


def answers(client: OldClient, edge: int = 0) -> list[tuple[int, str]]:
    """Status and body of a POST, a GET and a DELETE."""
    found = [client.post(client.request("ping", rpc_id=9), edge), client.get(edge), client.delete(edge)]
    return [(answer.status_code, answer.text) for answer in found]


def test_any_edge_answers_any_request_of_a_session(wide: Wide) -> None:
    with wide.client() as client:
        for number in range(6):
            assert client.text("up_echo", {"message": f"canary {number}"}, number % 2) == f"canary {number}"
        # Another file's tests may just have changed what a backend offers: the edges take that over one after the other.
        wait_until(lambda: _listed(client, 1) == _listed(client, 0), "both edges list the same")


def _listed(client: OldClient, edge: int) -> object:
    return client.result(client.request("tools/list"), edge)


def _request_records(broker: redis.Redis) -> set[bytes]:
    return set(broker.scan_iter("tm:session:*:request:*"))


def test_answers_find_their_sessions_although_all_requests_have_the_same_id(wide: Wide) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), httpx2.AsyncClient(trust_env=False, timeout=30) as http:

            async def lane(number: int) -> None:
                with OldClient(wide.a, wide.b) as client:
                    client.initialize(number % 2)
                    headers = client.headers(Authorization=f"Bearer {wide.a.api_key}")
                    for step in range(20):
                        canary = f"canary {number} {step}"
                        body = client.call("up_echo" if step % 4 == 0 else "echo_echo", {"message": canary}, 1)
                        answer = await http.post(client.urls[(number + step) % 2], json=body, headers=headers)
                        # A call that takes 0.3 s here is answered with a stream, the others as JSON.
                        streamed = answer.headers["content-type"].startswith("text/event-stream")
                        message = messages_of(answer.text)[-1] if streamed else answer.json()
                        assert message["result"]["content"] == [{"type": "text", "text": canary}]

            await asyncio.gather(*(lane(number) for number in range(10)))

    with wide.running.broker.client() as broker:
        before = _request_records(broker)
        asyncio.run(main())
        wait_until(lambda: _request_records(broker) <= before, "what was answered whole needs no record")


def test_session_ids_are_visible_ascii_of_256_bits_and_never_the_same(wide: Wide) -> None:
    found = set()
    with wide.client() as client:
        for _ in range(100):
            client.initialize()
            found.add(client.session_id or "")
    assert len(found) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", session_id) for session_id in found)


def test_a_session_of_somebody_else_looks_like_none_for_every_method_and_stays_untouched(wide: Wide) -> None:
    with wide.client() as mine, wide.client(GUEST_KEY) as guest, wide.client(GUEST_KEY) as stranger:
        guest.session_id = mine.session_id
        stranger.session_id = UNKNOWN
        for edge in (0, 1):
            foreign = answers(guest, edge)
            assert [status for status, _ in foreign] == [404, 404, 404]
            assert foreign == answers(stranger, edge), "foreign and unknown can be told apart"
        assert mine.result(mine.request("ping"), 1) == {}


def test_an_id_that_a_client_chooses_is_not_taken_on_initialize(wide: Wide) -> None:
    chosen = "chosen-by-the-client-0123456789abcdefghijklm"
    with OldClient(wide.a, wide.b) as client, wide.client() as victim:
        for planted in (chosen, victim.session_id or ""):
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
            answer = client.post(client.request("initialize", hello), 0, **{"Mcp-Session-Id": planted})
            assert answer.status_code == 200
            assert answer.headers["mcp-session-id"] != planted
        client.session_id = chosen
        assert client.post(client.request("ping")).status_code == 404


@pytest.mark.parametrize("session_id", ["", "x" * 129, "x" * 8000, "ünicode", "tm:session:*", "../../x", "a,b"])
def test_what_can_be_no_session_id_is_not_found(wide: Wide, session_id: str) -> None:
    with wide.client() as client:
        headers = client.headers() | {"Mcp-Session-Id": session_id}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        with httpx2.Client(trust_env=False, timeout=20) as http:
            raw.append((b"Authorization", f"Bearer {wide.a.api_key}".encode()))
            answer = http.post(client.urls[0], content=b'{"jsonrpc":"2.0","id":1,"method":"ping"}', headers=raw)
        assert answer.status_code == 404, answer.text


def test_a_session_is_good_at_the_endpoint_that_it_was_made_at_and_at_no_other(wide: Wide) -> None:
    with wide.client() as everything, wide.client(path="/mcp/b/up") as one:
        assert one.text("echo", {"message": "plain"}, 1) == "plain"
        everything.session_id, one.session_id = one.session_id, everything.session_id
        assert [status for status, _ in answers(everything, 1)] == [404, 404, 404]
        assert [status for status, _ in answers(one, 1)] == [404, 404, 404]


def test_delete_ends_a_session_on_all_edges_and_its_stream_wherever_it_is(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other, client.listen(1) as events, other.listen(1) as others:
        assert events.next() is not None, "the primer"
        assert others.next() is not None
        assert client.delete(0).status_code == 204
        assert events.rest() == []
        for edge in (0, 1):
            assert [status for status, _ in answers(client, edge)] == [404, 404, 404]
        assert other.result(other.request("ping"), 1) == {}
        wide.b.get("/livez")
        assert other.delete(1).status_code == 204
        assert others.rest() == []


def test_a_record_that_no_edge_signed_is_no_session(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other, wide.running.broker.client() as redis:
        names = list(redis.scan_iter("tm:session:*"))
        assert all((client.session_id or "").encode() not in name for name in redis.scan_iter("*"))
        records = {name: redis.get(name) for name in names if redis.type(name) == b"string"}
        before = refusals(wide)
        for name, record in records.items():
            assert record is not None
            redis.set(name, record[:-1] + bytes([record[-1] ^ 1]), keepttl=True)
        assert client.post(client.request("ping")).status_code == 404
        for name, record in zip(records, [*list(records.values())[1:], next(iter(records.values()))], strict=True):
            redis.set(name, record or b"", keepttl=True)
        assert other.post(other.request("ping")).status_code == 404, "another session's record under its name"
        for name in records:
            redis.delete(name)
            redis.rpush(name, "not a string")
        assert other.post(other.request("ping")).status_code == 404
        wait_until(lambda: refusals(wide) >= before + 3, "the refusals are on record")
        redis.delete(*records)


def refusals(wide: Wide) -> int:
    return sum(process.output().count('"kind": "session"') for process, _ in wide.running.edges)


def test_session_ids_are_neither_in_redis_nor_in_a_log_nor_in_the_audit(wide: Wide) -> None:
    with wide.client() as client, wide.client(GUEST_KEY) as guest:
        session_id = client.session_id or ""
        guest.session_id = session_id
        answers(guest)
        client.text("up_echo", {"message": "x"})
        client.delete()
        with wide.running.broker.client() as redis:
            assert session_id.encode() not in redis.execute_command("KEYS", "*").__repr__().encode()
            records = [decode_record(fields[b"r"]) for _, fields in redis.xrange(keys.AUDIT_STREAM)]
            assert session_id not in repr(records)
        logs = [process.output() for process, _ in wide.running.edges] + [w.output() for w in wide.running.workers]
        assert all(session_id not in log for log in logs)


def test_a_cancel_at_the_other_edge_stops_the_call_of_its_own_session_only(wide: Wide, tmp_path: Path) -> None:
    mark = tmp_path / "cancelled"
    slow = {"ms": 15_000, "cancelled_path": str(mark)}
    with wide.client() as client, wide.client() as other:
        with client.streamed(client.call("up_slow_progress", {"steps": 200, "step_ms": 50}, 7, progressToken="p")) as own:
            assert own.message()["method"] == "notifications/progress"
            # The same id in another session is another request.
            assert other.post(other.note("notifications/cancelled", {"requestId": 7}), 1).status_code == 202
            assert own.message()["method"] == "notifications/progress"
            assert own.message()["method"] == "notifications/progress"
            assert client.post(client.note("notifications/cancelled", {"requestId": 7}), 1).status_code == 202
            last = own.rest()[-1]
            assert last["result"]["structuredContent"]["error"]["code"] == "cancelled"
        for wrong in ({}, {"requestId": None}, {"requestId": True}, {"requestId": [7]}, {"requestId": "unknown"}):
            assert client.post(client.note("notifications/cancelled", wrong), 1).status_code == 202
        request = client.call("up_sleep", slow, "the slow one", progressToken="q")
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(client.post, request, 0)
            note = client.note("notifications/cancelled", {"requestId": "the slow one"})

            def stopped() -> bool:
                assert client.post(note, 1).status_code == 202
                return mark.exists()

            wait_until(stopped, "the call is cancelled at the upstream")
            assert answer.result(15).status_code == 200


def test_a_log_level_that_was_set_at_one_edge_counts_for_calls_at_the_other(wide: Wide) -> None:
    with wide.client() as client:
        assert client.result(client.request("logging/setLevel", {"level": "warning"}), 0) == {}
        with client.streamed(client.call("up_log_all", {}, 2), 1) as events:
            said = events.rest()
        assert [m["params"]["level"] for m in said if m.get("method") == "notifications/message"] == ["warning", "error"]


def test_what_a_server_asks_is_answered_through_the_other_edge_by_its_own_session_once(wide: Wide) -> None:
    with wide.client() as client, wide.client() as other:
        client.initialize(elicitation={})
        with client.streamed(client.call("up_ask_name", {}, 3)) as events:
            asked = events.message()
            assert asked["method"] == "elicitation/create"
            assert asked["params"]["message"] == "Your name?"

            def answer(name: str) -> dict[str, object]:
                result = {"action": "accept", "content": {"name": name}}
                return {"jsonrpc": "2.0", "id": asked["id"], "result": result}

            assert other.post(answer("Mallory"), 1).status_code == 202
            assert other.post(answer("Mallory"), 0).status_code == 202
            assert client.post(answer("Ada") | {"id": "unknown"}, 1).status_code == 202
            assert client.post(answer("Ada"), 1).status_code == 202
            assert client.post(answer("Late"), 0).status_code == 202
            assert events.rest()[-1]["result"]["content"][0]["text"] == "accept {'name': 'Ada'}"


def test_a_question_outlives_the_stream_on_which_it_was_asked(wide: Wide) -> None:
    with wide.client() as client:
        client.initialize(elicitation={})
        with client.streamed(client.call("up_ask_name", {}, "q")) as events:
            assert events.next() is not None, "the primer"
            start = events.last_id
            asked = events.message()
        with client.listen(1, start) as events:
            assert events.message() == asked, "asked again"
            result = {"action": "decline"}
            assert client.post({"jsonrpc": "2.0", "id": asked["id"], "result": result}, 0).status_code == 202
            assert events.rest()[-1]["result"]["content"][0]["text"] == "decline None"


def test_methods_that_need_a_session_say_so_without_one(wide: Wide) -> None:
    with OldClient(wide.a) as client:
        for method, params in (
            ("logging/setLevel", {"level": "info"}),
            ("resources/subscribe", {"uri": "up+note://other"}),
        ):
            answer = client.post(client.request(method, params))
            assert answer.status_code == 400
            assert "session" in answer.json()["error"]["message"]
        assert client.get().status_code == 405
        assert client.delete().status_code == 405


def test_a_session_follows_only_so_many_resources(wide: Wide) -> None:
    with wide.client() as client:
        for number in range(100):
            client.result(client.request("resources/subscribe", {"uri": f"up+note://item/{number}"}), number % 2)
        refused = client.post(client.request("resources/subscribe", {"uri": "up+note://item/100"})).json()
        assert refused["error"]["code"] == -32602
        assert "100" in refused["error"]["message"]
        client.result(client.request("resources/subscribe", {"uri": "up+note://item/99"}))
        client.result(client.request("resources/unsubscribe", {"uri": "up+note://item/0"}))
        client.result(client.request("resources/subscribe", {"uri": "up+note://item/100"}), 1)


def opened(*edges: Client, api_key: str = "") -> OldClient:
    client = OldClient(*edges, api_key=api_key)
    client.initialize()
    return client


def test_sessions_that_are_not_used_go_first_when_there_are_too_many_and_after_a_while_anyway(tmp_path: Path) -> None:
    limits = {"TOOLMESH_SESSIONS_PRINCIPAL_MAX": "3", "TOOLMESH_SESSIONS_MAX": "4", "TOOLMESH_SESSION_IDLE_S": "2"}
    with mesh(tmp_path, **limits) as running:
        digest = hashlib.sha256(GUEST_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: guest\n    key_sha256: {digest}\n")
        edges = running.start_edge(), running.start_edge()
        with opened(*edges) as first, opened(*edges) as second, opened(*edges) as third, opened(*edges) as fourth:
            gone = [c for c in (first, second, third) if c.post(c.request("ping"), 1).status_code == 404]
            assert len(gone) == 1
            assert fourth.result(fourth.request("ping"), 1) == {}
            with opened(edges[0], api_key=GUEST_KEY) as guest:
                hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
                refused = guest.post(guest.request("initialize", hello))
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) >= 1
                assert refused.json()["error"]["code"] == -32013
        with running.broker.client() as redis:
            wait_until(lambda: not list(redis.scan_iter("tm:session:*")), "what nobody uses is forgotten")
            with opened(*edges) as kept, opened(*edges) as idle, kept.listen(1) as events:
                assert events.next() is not None
                wait_until(lambda: len(list(redis.scan_iter("tm:session:*"))) == 1, "the one without a stream is over")
                assert idle.post(idle.request("ping")).status_code == 404
                assert kept.result(kept.request("ping")) == {}

"""HTTP+SSE of MCP 2024-11-05 for clients that know no other: the stream on one edge, messages through any."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client

from shared import keys
from tests.e2e.old_client import OldClient
from tests.e2e.sse_client import connected
from tests.e2e.wide_mesh import GUEST_KEY, Wide
from tests.mesh import API_KEY, wait_until


def text_of(message: dict[str, Any]) -> str:
    return str(message["result"]["content"][0]["text"])


def test_the_sdks_client_lists_calls_and_sees_progress(wide: Wide) -> None:
    seen: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async def main() -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            asyncio.timeout(30),
            sse_client(f"{wide.a.url}/sse", headers=headers) as (reading, writing),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            assert "up_echo" in [tool.name for tool in (await session.list_tools()).tools]
            steps = {"steps": 3, "step_ms": 20}
            answer = await session.call_tool("up_slow_progress", steps, progress_callback=note)
            assert answer.content[0].text == "3 steps"  # type: ignore[union-attr]

    asyncio.run(main())
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-11-25"])
def test_messages_reach_the_stream_through_any_edge_and_in_their_order(wide: Wide, version: str) -> None:
    with connected(wide.a) as client:
        assert client.path.startswith("/messages?sessionId=")
        assert client.initialize(wide.b, version)["protocolVersion"] == version
        for number in range(6):
            client.call((wide.a, wide.b)[number % 2], "up_echo", {"message": f"canary {number}"}, number)
            answer = client.events.message()
            assert (answer["id"], text_of(answer)) == (number, f"canary {number}")


def test_a_call_does_not_hold_up_the_next_messages_and_can_be_cancelled(wide: Wide) -> None:
    with connected(wide.a) as client:
        client.initialize(wide.b)
        client.call(wide.b, "up_slow_progress", {"steps": 200, "step_ms": 50}, "slow", progressToken="p")
        assert client.events.message()["params"] == {
            "progressToken": "p",
            "progress": 1,
            "total": 200,
            "message": "step 1 of 200",
        }
        client.call(wide.a, "echo_add", {"a": 2, "b": 3}, "quick")
        while (message := client.events.message()).get("id") != "quick":
            assert message["method"] == "notifications/progress"
        assert text_of(message) == "5"
        assert client.post(wide.b, OldClient.note("notifications/cancelled", {"requestId": "slow"})).status_code == 202
        while (message := client.events.message()).get("id") != "slow":
            assert message["method"] == "notifications/progress"
        assert message["result"]["structuredContent"]["error"]["code"] == "cancelled"


def test_more_messages_than_are_handled_at_a_time_are_all_answered(wide: Wide) -> None:
    with connected(wide.b) as client:
        client.initialize(wide.a)
        for number in range(20):
            client.call(wide.a, "up_sleep", {"ms": 30}, number)
        assert {client.events.message()["id"] for _ in range(20)} == set(range(20))


def test_a_message_that_can_not_be_handled_is_answered_on_the_stream(wide: Wide) -> None:
    with connected(wide.a) as client:
        client.initialize(wide.b)
        assert client.post(wide.b, OldClient.request("no/such", rpc_id=4)).status_code == 202
        assert client.events.message()["error"]["code"] == -32601
        client.call(wide.b, "no_such_tool", {}, 5)
        assert client.events.message()["error"]["code"] == -32602
        assert client.post(wide.a, OldClient.request("resources/read", {"uri": "nowhere+x://y"}, 6)).status_code == 202
        assert client.events.message()["error"]["code"] == -32602
        for broken in (b"{", b"[]", b'{"jsonrpc":"2.0"}', b"1", b"[" * 100_000):
            headers = client.headers | {"Content-Type": "application/json"}
            assert client.http.post(wide.b.url + client.path, content=broken, headers=headers).status_code == 400
        client.call(wide.b, "echo_add", {"a": 1, "b": 1}, 7)
        assert client.events.message()["id"] == 7


def test_what_changes_is_told_on_the_stream(wide: Wide) -> None:
    with connected(wide.a) as client:
        client.initialize(wide.b)
        subscribe = OldClient.request("resources/subscribe", {"uri": "up+note://counter"}, 2)
        assert client.post(wide.b, subscribe).status_code == 202
        assert client.events.message() == {"jsonrpc": "2.0", "id": 2, "result": {}}
        wait_until(lambda: "note://counter" in wide.b.text("up_subscriptions", {}), "the upstream is asked to tell")
        wide.b.text("up_touch", {"uri": "note://counter"})
        assert client.events.message()["params"] == {"uri": "up+note://counter"}
        wide.grow()
        assert client.events.message()["method"] == "notifications/tools/list_changed"


def test_nobody_else_can_send_into_a_session(wide: Wide) -> None:
    with connected(wide.a) as client, connected(wide.a, GUEST_KEY) as guest, OldClient(wide.a, wide.b) as other:
        client.initialize(wide.a)
        own, guest.path = guest.path, client.path
        ping = OldClient.request("ping")
        for edge in (wide.a, wide.b):
            foreign = guest.post(edge, ping)
            guest.path = client.path[:-4] + "AAAA"
            unknown = guest.post(edge, ping)
            guest.path = client.path
            assert foreign.status_code == unknown.status_code == 404
            assert foreign.text == unknown.text
        for path in ("/messages", "/messages?sessionId=", "/messages?sessionId=" + "x" * 5000, "/messages?session=1"):
            guest.path = path
            assert guest.post(wide.b, ping).status_code == 404
        guest.path = own
        assert guest.post(wide.b, ping).status_code == 202
        # It is no session of the other transport, nor is one of that a session here.
        other.session_id = client.path.rpartition("=")[2]
        assert other.post(ping).status_code == 404
        other.initialize()
        client.path = f"/messages?sessionId={other.session_id}"
        assert client.post(wide.b, ping).status_code == 404


def test_both_halves_are_behind_the_same_door_as_the_mcp_endpoint(wide: Wide) -> None:
    key = {"Authorization": f"Bearer {API_KEY}"}
    with httpx2.Client(trust_env=False, timeout=20) as http, connected(wide.a) as client:
        for path, method in (("/sse", "GET"), (client.path, "POST")):
            url = wide.b.url + path
            body = b"" if method == "GET" else b"{}"
            stranger = http.request(method, url, content=body)
            assert stranger.status_code == 401
            assert "resource_metadata=" in stranger.headers["www-authenticate"]
            assert (
                http.request(method, url, content=body, headers=key | {"Origin": "https://evil.example"}).status_code == 403
            )
            assert http.request(method, url, content=body, headers=key | {"Host": "evil.example"}).status_code == 421
        assert http.post(wide.b.url + "/sse", headers=key).status_code == 405
        assert http.get(wide.b.url + client.path, headers=key).status_code == 405
        assert http.get(wide.b.url + "/sse", headers=key | {"Accept": "application/json"}).status_code == 406
        large = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"' + b"x" * (4 * 1024 * 1024) + b'"}}'
        json_type = key | {"Content-Type": "application/json"}
        assert http.post(wide.b.url + client.path, content=large, headers=json_type).status_code == 413
        text = key | {"Content-Type": "text/plain"}
        assert http.post(wide.b.url + client.path, content=b"{}", headers=text).status_code == 415


def test_a_session_ends_with_its_stream(wide: Wide) -> None:
    with connected(wide.a) as client:
        client.initialize(wide.b)
        session_id = client.path.rpartition("=")[2]
    with httpx2.Client(trust_env=False, timeout=20) as http:
        url = f"{wide.b.url}/messages?sessionId={session_id}"
        ping = OldClient.request("ping")
        wait_until(lambda: http.post(url, json=ping, headers=client.headers).status_code == 404, "the session is over")


def test_a_message_that_no_edge_signed_is_not_handled(wide: Wide) -> None:
    with connected(wide.a) as client, connected(wide.b) as other, wide.running.broker.client() as redis:
        client.initialize(wide.a)
        other.initialize(wide.a)
        digests = [n.decode().rpartition(":")[2] for n in redis.scan_iter("tm:session:*") if n.count(b":") == 2]
        for digest in digests:
            redis.rpush(keys.inbox(digest), json.dumps(OldClient.request("ping", rpc_id="forged")), b"\x00garbage")
        client.call(wide.b, "echo_add", {"a": 1, "b": 2}, "right")
        assert client.events.message()["id"] == "right"
        other.call(wide.b, "echo_add", {"a": 1, "b": 2}, "right too")
        assert other.events.message()["id"] == "right too"

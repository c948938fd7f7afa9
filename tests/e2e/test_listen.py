"""`subscriptions/listen` of MCP 2026-07-28: a request whose answer is the stream of what changes."""

import asyncio

import httpx2
import pytest
from mcp import Client as SdkClient
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.listening import EVERYTHING, ID, acknowledged, listening, wait_for_subscription
from tests.e2e.wide_mesh import Wide
from tests.mesh import API_KEY


def test_the_first_event_says_what_is_honoured_and_each_one_names_the_subscription(wide: Wide) -> None:
    with listening(wide.b, EVERYTHING, rpc_id=17) as events:
        acknowledgement = events.message()
        assert acknowledgement["method"] == "notifications/subscriptions/acknowledged"
        assert acknowledgement["params"] == {"notifications": EVERYTHING, "_meta": {ID: 17}}
        wait_for_subscription(wide, "note://counter")
        wide.a.text("up_touch", {"uri": "note://counter"})
        assert events.message() == {
            "jsonrpc": "2.0",
            "method": "notifications/resources/updated",
            "params": {"uri": "up+note://counter", "_meta": {ID: 17}},
        }
        name = wide.grow()
        assert events.message() == {
            "jsonrpc": "2.0",
            "method": "notifications/tools/list_changed",
            "params": {"_meta": {ID: 17}},
        }
        assert name in wide.b.tool_names()


def test_a_resource_that_may_not_be_reached_is_not_honoured(wide: Wide) -> None:
    asked = {"resourceSubscriptions": ["up+note://counter", "nowhere+note://x", "note://unlisted", "", "x" * 5000]}
    with listening(wide.a, asked) as events:
        assert acknowledged(events) == {"resourceSubscriptions": ["up+note://counter"]}
    with listening(wide.a, {"resourceSubscriptions": ["note://x"]}, path="/mcp/b/up") as events:
        assert acknowledged(events) == {"resourceSubscriptions": ["note://x"]}
    with listening(wide.a, {"resourceSubscriptions": [f"up+note://item/{n}" for n in range(150)]}) as events:
        assert len(acknowledged(events)["resourceSubscriptions"]) == 100


@pytest.mark.parametrize(
    "notifications",
    [None, [], "all", {"toolsListChanged": "yes"}, {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}],
)
def test_a_filter_that_is_none_is_refused(wide: Wide, notifications: object) -> None:
    body = wide.a.body("subscriptions/listen", {"notifications": notifications}, 3)
    answer = wide.a.post(body, wide.a.headers("subscriptions/listen"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32602
    assert answer.json()["id"] == 3


def test_the_2025_era_has_no_such_method(wide: Wide) -> None:
    answer = wide.a.request("subscriptions/listen", {"notifications": {}}, era="2025-11-25")
    assert answer["error"]["code"] == -32601


def test_the_sdks_client_listens(wide: Wide) -> None:
    async def main() -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            asyncio.timeout(30),
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
            SdkClient(streamable_http_client(wide.b.mcp_url, http_client=http), mode="2026-07-28") as client,
            client.listen(tools_list_changed=True, resource_subscriptions=["up+note://item/9"]) as subscription,
        ):
            grown = asyncio.get_running_loop().run_in_executor(None, wide.grow)
            event = await anext(aiter(subscription))
            assert type(event).__name__ == "ToolsListChanged"
            await grown

    asyncio.run(main())

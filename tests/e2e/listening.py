"""A client of `subscriptions/listen` (MCP 2026-07-28) that says exactly what goes over the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.client import Client
from tests.e2e.old_client import Events
from tests.e2e.wide_mesh import Wide
from tests.mesh import API_KEY, wait_until

ID = "io.modelcontextprotocol/subscriptionId"
EVERYTHING = {
    "toolsListChanged": True,
    "promptsListChanged": True,
    "resourcesListChanged": True,
    "resourceSubscriptions": ["up+note://counter"],
}


@contextmanager
def listening(
    edge: Client, notifications: object, rpc_id: object = "sub", api_key: str = API_KEY, path: str = "/mcp", **meta: Any
) -> Iterator[Events]:
    headers = edge.headers("subscriptions/listen") | {"Authorization": f"Bearer {api_key}"}
    body = edge.body("subscriptions/listen", {"notifications": notifications}, rpc_id, **meta)
    with (
        httpx2.Client(trust_env=False, timeout=20) as http,
        http.stream("POST", edge.url + path, content=body, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream"
        yield Events(answer)


def acknowledged(events: Events) -> dict[str, Any]:
    message = events.message()
    assert message["method"] == "notifications/subscriptions/acknowledged"
    assert set(message["params"]) == {"notifications", "_meta"}
    return dict(message["params"]["notifications"])


def wait_for_subscription(wide: Wide, uri: str) -> None:
    wait_until(lambda: uri in wide.a.text("up_subscriptions", {}), "the upstream is asked to tell")

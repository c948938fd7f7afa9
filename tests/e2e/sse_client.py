"""A client of HTTP+SSE (MCP 2024-11-05) that sends its messages to whichever edge each call says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.client import Client
from tests.e2e.old_client import Events, OldClient
from tests.mesh import API_KEY


class SseClient:
    """One stream, and messages to wherever each call says."""

    def __init__(self, http: httpx2.Client, events: Events, api_key: str) -> None:
        self.events = events
        self.http = http
        self.headers = {"Authorization": f"Bearer {api_key}"}
        endpoint = events.next()
        assert endpoint is not None
        assert endpoint.name == "endpoint"
        self.path = endpoint.data

    def post(self, edge: Client, message: object, **headers: str) -> httpx2.Response:
        return self.http.post(edge.url + self.path, json=message, headers=self.headers | headers)

    def initialize(self, edge: Client, version: str = "2024-11-05") -> dict[str, Any]:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "very old", "version": "0"}}
        assert self.post(edge, OldClient.request("initialize", hello, "hello")).status_code == 202
        answer = self.events.message()
        assert answer["id"] == "hello"
        assert self.post(edge, OldClient.note("notifications/initialized")).status_code == 202
        return dict(answer["result"])

    def call(self, edge: Client, name: str, arguments: dict[str, Any], rpc_id: object = 1, **meta: Any) -> None:
        params: dict[str, Any] = {"name": name, "arguments": arguments} | ({"_meta": meta} if meta else {})
        assert self.post(edge, OldClient.request("tools/call", params, rpc_id)).status_code == 202


@contextmanager
def connected(edge: Client, api_key: str = API_KEY) -> Iterator[SseClient]:
    with (
        httpx2.Client(trust_env=False, timeout=20) as http,
        http.stream("GET", f"{edge.url}/sse", headers={"Authorization": f"Bearer {api_key}"}) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield SseClient(http, Events(answer), api_key)

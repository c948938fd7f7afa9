"""A client of the 2025 era that says exactly what goes over the wire, to one edge or to several in turn."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.client import Client, messages_of

VERSION = "2025-11-25"
WAIT_S = 20.0


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: str | None
    name: str
    data: str

    @property
    def message(self) -> dict[str, Any]:
        return dict(json.loads(self.data))


class Events:
    """The events of an open stream, one by one; reading waits, and fails after a while."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.last_id: str | None = None
        self._lines = answer.iter_lines()

    def next(self) -> Event | None:
        """The next event (comments are passed over), or None when the stream ended."""
        fields: dict[str, str] = {}
        end = time.monotonic() + WAIT_S
        for line in self._lines:
            if line.startswith(":"):
                assert time.monotonic() < end, "nothing but signs of life"
                continue
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif fields:
                self.last_id = fields.get("id", self.last_id)
                return Event(fields.get("id"), fields.get("event", "message"), fields.get("data", ""))
        return None

    def message(self) -> dict[str, Any]:
        """The next JSON-RPC message."""
        while True:
            event = self.next()
            assert event is not None, "the stream ended"
            if event.data:
                return event.message

    def rest(self) -> list[dict[str, Any]]:
        """All messages until the stream ends."""
        found = []
        while (event := self.next()) is not None:
            if event.data:
                found.append(event.message)
        return found


class OldClient:
    """One session. `edges` are used as each call says; the session belongs to none of them."""

    def __init__(self, *edges: Client, api_key: str = "", path: str = "/mcp", version: str = VERSION) -> None:
        self.urls = [edge.url + path for edge in edges]
        self.version = version
        self.session_id: str | None = None
        self.http = httpx2.Client(
            trust_env=False, timeout=WAIT_S, headers={"Authorization": f"Bearer {api_key or edges[0].api_key}"}
        )

    def __enter__(self) -> "OldClient":
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def headers(self, **more: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers["MCP-Protocol-Version"] = self.version
        if self.session_id is not None:
            headers["Mcp-Session-Id"] = self.session_id
        return headers | more

    def initialize(self, edge: int = 0, **capabilities: Any) -> httpx2.Response:
        """The handshake; remembers the session."""
        params = {
            "protocolVersion": self.version,
            "capabilities": capabilities,
            "clientInfo": {"name": "old client", "version": "0"},
        }
        answer = self.post(self.request("initialize", params, "hello"), edge)
        assert answer.status_code == 200, answer.text
        self.session_id = answer.headers["mcp-session-id"]
        assert self.post(self.note("notifications/initialized"), edge).status_code == 202
        return answer

    @staticmethod
    def request(method: str, params: dict[str, Any] | None = None, rpc_id: object = 1) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params or {}}

    @staticmethod
    def note(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "method": method, "params": params or {}}

    def call(self, name: str, arguments: dict[str, Any], rpc_id: object = 1, **meta: Any) -> dict[str, Any]:
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        return self.request("tools/call", params | ({"_meta": meta} if meta else {}), rpc_id)

    def post(self, message: object, edge: int = 0, **headers: str) -> httpx2.Response:
        return self.http.post(self.urls[edge], content=json.dumps(message), headers=self.headers(**headers))

    def result(self, message: object, edge: int = 0) -> dict[str, Any]:
        """Post a request that is answered with a result."""
        answer = self.post(message, edge)
        assert answer.status_code == 200, answer.text
        streamed = answer.headers["content-type"] == "text/event-stream"
        response = messages_of(answer.text)[-1] if streamed else answer.json()
        assert "result" in response, answer.text
        return dict(response["result"])

    def text(self, name: str, arguments: dict[str, Any], edge: int = 0) -> str:
        return str(self.result(self.call(name, arguments), edge)["content"][0]["text"])

    def get(self, edge: int = 0, **headers: str) -> httpx2.Response:
        """A GET that is refused."""
        with self.http.stream("GET", self.urls[edge], headers=self.headers(**headers)) as answer:
            if answer.status_code != 200:
                answer.read()
            return answer

    def delete(self, edge: int = 0) -> httpx2.Response:
        return self.http.delete(self.urls[edge], headers=self.headers())

    @contextmanager
    def listen(self, edge: int = 0, last_event_id: str | None = None) -> Iterator[Events]:
        """The GET stream."""
        more = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        with self.http.stream("GET", self.urls[edge], headers=self.headers(**more)) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"] == "text/event-stream"
            yield Events(answer)

    @contextmanager
    def streamed(self, message: object, edge: int = 0) -> Iterator[Events]:
        """A POST whose answer is read while it comes."""
        content = json.dumps(message)
        with self.http.stream("POST", self.urls[edge], content=content, headers=self.headers()) as answer:
            assert answer.status_code == 200, answer.read()
            yield Events(answer)

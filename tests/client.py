"""A small HTTP client of an edge for tests: says exactly what goes over the wire."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

MODERN = "2026-07-28"
TRUST = ssl.create_default_context()
"""Made once, although hardly anything here is encrypted: each client would make its own, which takes 50 ms. A test that
has a certificate authority of its own adds it."""
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Client:
    """Requests of one API key to one edge."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self.mcp_url = f"{url}/mcp"
        self.api_key = api_key
        self._http = httpx2.Client(trust_env=False, timeout=60, verify=TRUST)

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        try:
            return self._http.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._http.get(self.url + path, headers=headers)

    def headers(self, method: str, name: str | None = None, era: str = MODERN) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if era == MODERN:
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            if name is not None:
                headers["Mcp-Name"] = name
        elif era:
            headers["MCP-Protocol-Version"] = era
        return headers

    def body(
        self, method: str, params: dict[str, Any] | None = None, rpc_id: object = 1, era: str = MODERN, **meta: Any
    ) -> bytes:
        params = dict(params or {})
        if era == MODERN:
            params["_meta"] = {**ENVELOPE, **meta}
        elif meta:
            params["_meta"] = meta
        return json.dumps({"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params}).encode()

    def post(self, body: bytes, headers: dict[str, str], path: str = "/mcp") -> httpx2.Response:
        return self._http.post(self.url + path, content=body, headers=headers)

    def request(self, method: str, params: dict[str, Any] | None = None, era: str = MODERN) -> dict[str, Any]:
        """A request that is answered as JSON; gives the whole JSON-RPC response."""
        name = (params or {}).get("name")
        answer = self.post(self.body(method, params, era=era), self.headers(method, name, era))
        return dict(answer.json())

    def call(self, name: str, arguments: dict[str, Any], rpc_id: object = 1, era: str = MODERN) -> dict[str, Any]:
        """A call; gives the JSON-RPC response, also when it came as a stream."""
        body = self.body("tools/call", {"name": name, "arguments": arguments}, rpc_id, era)
        answer = self.post(body, self.headers("tools/call", name, era))
        if answer.headers["content-type"].startswith("text/event-stream"):
            return messages_of(answer.text)[-1]
        return dict(answer.json())

    def text(self, name: str, arguments: dict[str, Any], era: str = MODERN) -> str:
        """The first text block of a call that must succeed."""
        answer = self.call(name, arguments, era=era)
        assert "result" in answer, answer
        assert not answer["result"].get("isError"), answer
        return str(answer["result"]["content"][0]["text"])

    def succeeds(self, name: str, arguments: dict[str, Any], era: str = MODERN) -> bool:
        """Whether a call is answered with a result that is no error."""
        result = self.call(name, arguments, era=era).get("result")
        return result is not None and not result.get("isError")

    @contextmanager
    def stream(self, name: str, arguments: dict[str, Any], era: str = MODERN, **meta: Any) -> Iterator[httpx2.Response]:
        """A call whose answer is read while it comes."""
        body = self.body("tools/call", {"name": name, "arguments": arguments}, 1, era, **meta)
        headers = self.headers("tools/call", name, era)
        with self._http.stream("POST", self.mcp_url, content=body, headers=headers) as answer:
            yield answer

    def tool_names(self) -> list[str]:
        """All tools, over all pages."""
        names: list[str] = []
        cursor: str | None = None
        while True:
            answer = self.request("tools/list", {"cursor": cursor} if cursor else {})
            names += [tool["name"] for tool in answer["result"]["tools"]]
            cursor = answer["result"].get("nextCursor")
            if cursor is None:
                return names


def messages_of(stream: str) -> list[dict[str, Any]]:
    """The JSON-RPC messages of an event stream."""
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]

"""Requests of an agent's servers, as they go over the wire: over TLS, without cookies, without Origin."""

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.client import messages_of

_WAIT_S = 30.0
ACCEPTS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
"""Headers of each message."""


class Wire:
    """One agent and the public URL of the mesh."""

    def __init__(self, url: str, trust: ssl.SSLContext, agent: str) -> None:
        """`agent`: its User-Agent."""
        self.url = url
        self.agent = agent
        self._http = httpx2.Client(trust_env=False, verify=trust, timeout=_WAIT_S, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, **headers: str) -> httpx2.Response:
        """`url`: whole, as it was read somewhere. Header names are written with `_`."""
        return self._came(self._http.get(url, headers=self._named(headers)))

    def opens(self, url: str, headers: Mapping[str, str]) -> bool:
        """Whether a GET is answered with a stream of events; it is closed at once."""
        with self._http.stream("GET", url, headers=self._named({"Accept": "text/event-stream", **headers})) as answer:
            return (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")

    def form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """`application/x-www-form-urlencoded`."""
        return self._came(self._http.post(url, data=dict(fields), headers=self._named(headers or {})))

    def json(self, url: str, body: object) -> httpx2.Response:
        """A JSON body."""
        return self._came(self._http.post(url, json=body, headers=self._named({})))

    def rpc(
        self, message: object, headers: Mapping[str, str] | None = None, *, url: str = "", wait_s: float = _WAIT_S
    ) -> httpx2.Response:
        """A message to the MCP endpoint, or bytes as they are; `url`: of another endpoint, `wait_s`: until it is cut."""
        sent = {**ACCEPTS, **(headers or {})}
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        target = url or f"{self.url}/mcp"
        return self._came(self._http.post(target, content=content, headers=self._named(sent), timeout=wait_s))

    def _named(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"User-Agent": self.agent, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def _came(self, answer: httpx2.Response) -> httpx2.Response:
        assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:1000]}"
        assert "set-cookie" not in answer.headers, "no program keeps cookies"
        return answer


def answer_of(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON-RPC response, also when it came as a stream."""
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:1000]}"
    if answer.headers["content-type"].startswith("text/event-stream"):
        return messages_of(answer.text)[-1]
    return dict(answer.json())


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result of a response that has to have one."""
    found = answer_of(answer)
    assert "result" in found, found
    return dict(found["result"])

"""A house in front of an MCP server that writes down all that reaches it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.client import MODERN, Client
from tests.mesh import Module, free_port, wait_until
from tests.oauth.house import House, house

_WRITER = Client("", "")
"""Writes requests; sends none."""
_WRITER.close()
_CLASSES = "{echo: read, structured: idempotent}"


@dataclass
class Recorded:
    """The house, and what got through to its backend `up`: `up_echo` and `up_add` read, all other tools write."""

    house: House
    file: Path
    http: httpx2.Client
    """One for all requests: to make one costs more than what it is used for."""

    def post(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        authorization: str | None = None,
        path: str = "/mcp",
        *,
        url: str = "",
        era: str = MODERN,
        meta: dict[str, Any] | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """A request as clients of that era send it, with this Authorization header; to the first edge, or that of `url`."""
        known = _WRITER.headers(method, (params or {}).get("name") or (params or {}).get("uri"), era)
        known |= {name.replace("_", "-"): value for name, value in headers.items()}
        del known["Authorization"]
        if authorization is not None:
            known["Authorization"] = authorization
        body = _WRITER.body(method, params, era=era, **(meta or {}))
        return self.http.post(f"{url or self.house.url}{path}", content=body, headers=known)

    def opens(self, path: str, token: str, url: str = "") -> bool:
        """Whether a token is good at a path: for a list, or a stream."""
        authorization = f"Bearer {token}"
        if path != "/sse":
            return self.post("tools/list", None, authorization, path, url=url).status_code == 200
        with self.http.stream("GET", f"{url or self.house.url}/sse", headers={"Authorization": authorization}) as answer:
            return answer.status_code == 200

    def requests(self) -> list[dict[str, Any]]:
        """All requests that reached the server so far."""
        return requests_in(self.file)

    def calls(self) -> int:
        """How many calls of tools reached it."""
        return sum('"tools/call"' in request["body"] for request in self.requests())


def requests_in(file: Path) -> list[dict[str, Any]]:
    """All that the server has written down."""
    return [json.loads(line) for line in file.read_text().splitlines()]


@contextmanager
def recording(directory: Path, file: Path, *options: str) -> Iterator[str]:
    """The server, which writes into that file; gives its URL."""
    port = free_port()
    file.touch()
    arguments = ["tests.upstreams.recording", "--port", str(port), "--file", str(file), *options]
    process = Module(arguments, directory / "recording.log")
    try:
        wait_until(lambda: "listening" in process.output(), "the server listens")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()


@contextmanager
def recorded_house(directory: Path, **environment: Any) -> Iterator[Recorded]:
    """Started; ends with the test."""
    file = directory / "requests.jsonl"
    with recording(directory, file) as url:
        backends = (
            f"backends:\n  - name: up\n    transport: http\n    url: {url}\n    class: {_CLASSES}\n"
            "    relay: [elicitation]\n"
        )
        with house(directory, backends, workers=1, **environment) as running:
            for edge in (running.a, running.b):
                running.running.wait_for_tools(edge, "up_echo", "up_structured", "echo_add")
            with httpx2.Client(trust_env=False, timeout=20) as http:
                yield Recorded(running, file, http)

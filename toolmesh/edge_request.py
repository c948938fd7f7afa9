"""One JSON-RPC request to an edge, as a client with an API key sends it (MCP 2026-07-28, basic/transports)."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared.errors import ConfigurationError

_VERSION = "2026-07-28"
_ANSWER_BYTES_MAX = 32 * 1024 * 1024
_META = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True, slots=True)
class EdgeAnswer:
    """HTTP status, and the JSON-RPC response."""

    status: int
    message: dict[str, Any]


class EdgeAway(ConfigurationError):
    """Nothing answers there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRequest:
    """Where the edge is, and who asks."""

    url: str
    """Base URL, with or without `/mcp`."""
    api_key: str

    def send(
        self, method: str, params: Mapping[str, Any], *, name: str = "", endpoint: str = "/mcp", timeout_s: float
    ) -> EdgeAnswer:
        """`name`: of the tool that is called. Raises EdgeAway, and ConfigurationError for what is no edge."""
        sent = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}}
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": method,
            **({"Mcp-Name": name} if name else {}),
        }
        status, kind, answer = _post(self.url, endpoint, json.dumps(sent).encode(), headers, timeout_s)
        try:
            message = _last(answer) if kind.startswith("text/event-stream") else json.loads(answer)
            if isinstance(message, dict) and (isinstance(message.get("result"), dict) or "message" in message["error"]):
                return EdgeAnswer(status, message)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise ConfigurationError(f"What answers at {self.url} (HTTP {status}) is no edge of ToolMesh.")


def _last(stream: bytes) -> Any:
    """The response of an event stream, which is the last that it says."""
    events = [line[6:] for line in stream.decode().splitlines() if line.startswith("data: ")]
    return json.loads(events[-1] if events else "")


def _post(url: str, endpoint: str, body: bytes, headers: dict[str, str], timeout_s: float) -> tuple[int, str, bytes]:
    parts = urlsplit(url)
    try:
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
        port = parts.port
    except ValueError:
        raise ConfigurationError("--url is the base URL of an edge: http://host:port or https://host.") from None
    connection = (
        http.client.HTTPSConnection(parts.hostname, port, timeout=timeout_s, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, port, timeout=timeout_s)
    )
    path = parts.path.rstrip("/").removesuffix("/mcp") + endpoint
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read(_ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as cause:
        raise EdgeAway(f"The edge at {parts.hostname} did not answer ({type(cause).__name__}).") from cause
    finally:
        connection.close()

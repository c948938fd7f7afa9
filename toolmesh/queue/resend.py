"""Asking an edge to send a dead letter again (only edges sign): one JSON-RPC request, MCP 2026-07-28, basic/transports."""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, InvalidParams
from shared.jobs import RETRY

_VERSION = "2026-07-28"
_BESIDE_S = 10.0
"""What the edge may take beside the wait that was asked for."""
_ANSWER_BYTES_MAX = 32 * 1024 * 1024
_METHOD_NOT_FOUND = -32601


def resend(url: str, api_key: str, call_id: str, wait_s: float) -> dict[str, Any]:
    """Send it; gives `callId`, `state` and, of one that is over, `result` or `error`. Raises MeshError."""
    params = {
        "callId": call_id,
        "waitS": wait_s,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": _VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": RETRY, "params": params}).encode()
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": _VERSION,
        "Mcp-Method": RETRY,
    }
    status, answer = _post(url, body, headers, wait_s + _BESIDE_S)
    if status == 401:
        raise ConfigurationError("The edge does not know the key in TOOLMESH_API_KEY. Set it to the owner's.")
    try:
        message = json.loads(answer)
        error = message.get("error")
        if error is None:
            return {name: value for name, value in message["result"].items() if name != "resultType"}
        code, said = error["code"], str(error["message"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigurationError(f"What answers at {url} (HTTP {status}) is no edge of ToolMesh.") from None
    if code == _METHOD_NOT_FOUND:
        raise ConfigurationError(
            "The edge has no such method for this key: only the owner may send a dead letter again. Set TOOLMESH_API_KEY "
            "to the owner's key."
        )
    raise InvalidParams(said)


def _post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> tuple[int, bytes]:
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
    path = parts.path.rstrip("/").removesuffix("/mcp") + "/mcp"
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(_ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as cause:
        raise ConfigurationError(
            f"The edge at {parts.hostname} did not answer ({type(cause).__name__}). Name another with --url. Where the "
            "dead letter is not listed any more, it was sent."
        ) from cause
    finally:
        connection.close()

"""What is called: one tool at one address, with arguments that differ from call to call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HANDSHAKE_VERSION = "2025-11-25"
COUNTER = "@N@"
"""Stands for the call's number in arguments; each number is used once in a run."""

_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row of the bench. `url` ends in `/mcp`; `api_key` is None for a server without authentication."""

    name: str
    url: str
    tool: str
    arguments: Mapping[str, Any]
    api_key: str | None = None
    expected: str = '"result"'
    refused: str | None = '"isError":true'
    """Text that makes an answer a failure."""
    session: str | None = None
    """Id of a 2025-era session; None calls in the 2026 era, which has no sessions."""

    def template(self, tag: str) -> str:
        """The request body with COUNTER in it; the tag keeps runs apart."""
        params: dict[str, Any] = {"name": self.tool, "arguments": dict(self.arguments)}
        if self.session is None:
            params["_meta"] = _META
        body = json.dumps({"jsonrpc": "2.0", "id": COUNTER, "method": "tools/call", "params": params})
        return body.replace(f'"id": "{COUNTER}"', f'"id": {COUNTER}').replace(f"{COUNTER}!", f"{COUNTER} {tag}")

    def headers(self) -> dict[str, str]:
        """The request's headers, without those of the connection."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if self.session is None:
            headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": self.tool}
        else:
            headers |= {"MCP-Protocol-Version": HANDSHAKE_VERSION, "Mcp-Session-Id": self.session}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers

    def accepts(self, status: int, body: str) -> bool:
        """Whether that is the answer that was wanted: a JSON-RPC error or an `isError` is a failure too."""
        return status == 200 and self.expected in body and (self.refused is None or self.refused not in body)

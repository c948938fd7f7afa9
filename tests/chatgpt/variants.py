"""How an agent speaks MCP: what its requests carry. ChatGPT's connector has been seen to do it in three ways."""

from dataclasses import dataclass, field
from typing import Any

MODERN, LEGACY = "2026-07-28", "2025-11-25"
_META = "io.modelcontextprotocol/"
CAPABILITIES: dict[str, Any] = {
    "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}},
    "experimental": {"openai/visibility": {"enabled": True}},
}
DISCOVER_ID = "openai-mcp-discover"


def _openai() -> dict[str, str]:
    return {"name": "openai-mcp", "version": "1.0.0"}


@dataclass(frozen=True)
class Variant:
    """One way."""

    name: str
    envelope: bool
    """`_meta` with version, client and capabilities; without it the client speaks an older version from the start."""
    headers: bool
    """The headers of its era: `MCP-Protocol-Version`, and in the newer one `Mcp-Method` and `Mcp-Name`."""
    info: dict[str, str] = field(default_factory=_openai, hash=False)
    older: str = LEGACY
    """What it asks for where it does not speak 2026-07-28."""

    @property
    def opening(self) -> str:
        """The method of the first request."""
        return "server/discover" if self.envelope else "initialize"

    @property
    def hello(self) -> dict[str, Any]:
        """Params of its `initialize`."""
        return {"protocolVersion": self.older, "capabilities": CAPABILITIES, "clientInfo": self.info}

    def message(
        self, method: str, params: dict[str, Any] | None, rpc_id: object, meta: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A request; `rpc_id` None: a notification. `meta`: further members of its `_meta`."""
        said: dict[str, Any] = dict(params or {})
        if self.envelope or meta:
            said["_meta"] = {**(meta or {}), **(self._envelope if self.envelope else {})}
        found = {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": said}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def _envelope(self) -> dict[str, Any]:
        said = {"protocolVersion": MODERN, "clientInfo": self.info, "clientCapabilities": CAPABILITIES}
        return {f"{_META}{name}": value for name, value in said.items()}

    def routing(self, method: str, name: str | None) -> dict[str, str]:
        """Its headers for a request; of the older era there is none on the first one."""
        if not self.headers or method == "initialize":
            return {}
        if not self.envelope:
            return {"MCP-Protocol-Version": self.older}
        named = {"Mcp-Name": name} if name is not None else {}
        return {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **named}


V1 = Variant("V1-modern", envelope=True, headers=True)
V2 = Variant("V2-modern-without-headers", envelope=True, headers=False)
V3 = Variant("V3-2025-without-version", envelope=False, headers=False)
VARIANTS = (V1, V2, V3)
"""ChatGPT's."""

"""The kind `http`: MCP servers over Streamable HTTP, in both protocol eras.

In the order of the flow: `upstream` (the backend: attempts, deadlines), `sessions` (which session carries a call),
`handshake` (server/discover, initialize), `wire` (requests as headers and bodies), `parameter_headers` (`Mcp-Param-*`),
`exchange` (one request until its answer), `connection` (aiohttp), `answer` (JSON or a stream, bounded), `events` (the
stream's grammar), `hearing` (what the upstream says beside the answer), `listing` (tools/list), `following` (changes).
"""

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.mcp_http.upstream import Upstream
from workers.credentials import Credentials


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials) -> Upstream:
    """Entry point `http` of the group `toolmesh.backends`. Raises ConfigurationError for an entry that can't work."""
    return Upstream(entry, settings, credentials)

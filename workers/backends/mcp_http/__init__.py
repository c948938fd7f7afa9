"""The kind `http`: MCP servers over Streamable HTTP, in both protocol eras, and over the HTTP+SSE of 2024-11-05.

In the order of the flow: `upstream` (the backend: its parts, deadlines), `attempts` (what is sent again), `owners` and
`sessions` (which session carries a call), `handshake` (server/discover, initialize), `session`, `calling` (one attempt),
`exchange` (one request until its answer), `connection` (HTTP, by `workers/egress`), `answer` (JSON or a stream, bounded),
`legacy_stream` (HTTP+SSE), `events` (the grammar of streams), `budget` (their size), `following` and `listening` (the
stream that belongs to no request), `changes` (what is passed on of it). What does not depend on the transport is in
`mcp_protocol`.
"""

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.mcp_http.upstream import Upstream
from workers.credentials import Credentials


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials) -> Upstream:
    """Entry point `http` of the group `toolmesh.backends`. Raises ConfigurationError for an entry that can't work."""
    return Upstream(entry, settings, credentials)

"""The kind `stdio`: MCP servers as child processes, in both protocol eras (MCP basic/transports, "stdio").

In the order of the flow: `upstream` (the backend: which server, attempts, deadlines), `limits` and `environment` (what a
server gets), `server` (kept running), `process` (its pipes) and `keeper` (a program: its whole process tree; `leftovers`
behind it), `lines`, `outlet` and `throttle` (its pipes, bounded), `handshake`, `conversation` (requests until their
answers), `listening` (everything that it writes), `changes` and `watching` (what it tells of), `diary` (its
stderr).
"""

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.mcp_stdio.upstream import Upstream
from workers.credentials import Credentials


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials) -> Upstream:
    """Entry point `stdio` of the group `toolmesh.backends`. Raises ConfigurationError for an entry that can't work."""
    return Upstream(entry, settings, credentials)

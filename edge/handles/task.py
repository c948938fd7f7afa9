"""A record as a task (MCP extension `io.modelcontextprotocol/tasks`, specification 2026-07-28, "Tasks")."""

from datetime import UTC, datetime
from typing import Any

from edge.handles.store import HandleStore
from shared.handles import Handle
from shared.settings import Settings


class TaskView:
    """Says of a task what all its states have in common, in the words of the extension."""

    def __init__(self, store: HandleStore, settings: Settings) -> None:
        self._store = store
        self._poll_ms = max(1, round(settings.task_poll_s * 1000))

    def working(self, handle: Handle) -> dict[str, Any]:
        """A `Task` whose call runs."""
        return self.in_status(handle, "working", handle.updated_ms)

    def in_status(self, handle: Handle, status: str, updated_ms: int) -> dict[str, Any]:
        """A `Task` of that status since that time. It is kept at least as long as it says, whenever its call ends."""
        return {
            "taskId": handle.call_id,
            "status": status,
            "createdAt": _iso(handle.created_ms),
            "lastUpdatedAt": _iso(max(updated_ms, handle.updated_ms)),
            "ttlMs": self._store.kept_until_ms(handle) - handle.created_ms,
            "pollIntervalMs": self._poll_ms,
        }


def _iso(at_ms: int) -> str:
    """ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""When a call is answered without its end: for clients that are known to cut, for those that take tasks, and for those that
say how long they wait (docs/guarantees.md, "Handles")."""

from collections.abc import Mapping
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY

from edge.client_name import is_called
from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.parse import Message
from edge.problems import Refusal
from shared.errors import InvalidParams
from shared.settings import Settings

BUDGET_META = "toolmesh/budgetMs"
TASKS = "io.modelcontextprotocol/tasks"
"""The tasks extension (ext-tasks, specification 2026-07-28)."""
_BUDGET_MS_MIN, _BUDGET_MS_MAX = 100, 600_000


class Budget:
    """Knows it for one edge."""

    def __init__(self, settings: Settings) -> None:
        self._task_after_s = settings.task_after_s
        self._handle_after_s = settings.handle_after_s
        self._clients = tuple(name.lower() for name in settings.handle_clients if name)

    def after_s(self, exchange: Exchange, outgoing: Outgoing) -> float | None:
        """As `Handles.after_s`: the shortest of what the client says and what is known of it."""
        if outgoing.method != "tools/call":
            return None
        found: float | None = None
        budget_ms = outgoing.meta.get(BUDGET_META)
        if budget_ms is not None:
            if not isinstance(budget_ms, int) or isinstance(budget_ms, bool):
                raise _no_budget()
            if not _BUDGET_MS_MIN <= budget_ms <= _BUDGET_MS_MAX:
                raise _no_budget()
            found = budget_ms / 1000
        if declares_tasks(exchange.message):
            found = self._task_after_s if found is None else min(found, self._task_after_s)
        if self.cuts(exchange):
            found = self._handle_after_s if found is None else min(found, self._handle_after_s)
        return found

    def cuts(self, exchange: Exchange) -> bool:
        """Whether the client is known to cut a call that takes long."""
        return is_called(exchange, self._clients)


def declares_tasks(message: Message) -> bool:
    """Whether a request says that its client takes tasks: each request of the 2026 era says so itself."""
    if message.era != "modern":
        return False
    capabilities = _meta(message).get(CLIENT_CAPABILITIES_META_KEY)
    extensions = capabilities.get("extensions") if isinstance(capabilities, dict) else None
    return isinstance(extensions, dict) and isinstance(extensions.get(TASKS), dict)


def missing_capability(message: Message) -> Refusal:
    """The refusal of a request whose client does not say that it takes tasks."""
    return Refusal(
        400,
        MISSING_REQUIRED_CLIENT_CAPABILITY,
        "Missing required client capability",
        {"requiredCapabilities": {"extensions": {TASKS: {}}}},
        rpc_id=message.id,
    )


def _meta(message: Message) -> Mapping[str, Any]:
    meta = message.params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _no_budget() -> InvalidParams:
    return InvalidParams(
        f"_meta[{BUDGET_META!r}] must be a whole number of milliseconds from {_BUDGET_MS_MIN} to {_BUDGET_MS_MAX}."
    )

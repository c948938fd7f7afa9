"""What an edge puts into the audit: requests that it did not let in, messages that it threw away, answers of its own.

Records ride on commands that nobody waits for; where one is lost the log says so.
"""

import asyncio

import structlog

from edge.names import MESH_MORE
from edge.rate import Rate
from shared.audit import access_record, call_record, continued_record, denied_record, refused_record
from shared.audit_stream import append_record
from shared.clock import BrokerClock
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import ToolCall

log = structlog.get_logger()


class Recorder:
    """Records for one edge."""

    def __init__(self, line: RedisLine, clock: BrokerClock, edge_id: str, *, strangers_per_s_max: int) -> None:
        """`strangers_per_s_max`: refused requests of nobody known that are recorded one by one."""
        self._line = line
        self._clock = clock
        self._edge_id = edge_id
        self._strangers = Rate(strangers_per_s_max)
        self._refused = 0

    def refused(self, kind: str, detail: str) -> None:
        """A message from the mesh was thrown away because it was forged."""
        self._refused += 1
        log.warning("message refused", kind=kind, reason=detail, refused=self._refused)
        self.record(refused_record(kind, self._edge_id, self._clock.now_ms(), detail))

    def denied(
        self,
        code: str,
        principal: Principal | None,
        tool: str,
        detail: str,
        *,
        stranger: bool = False,
        parent: str = "",
    ) -> None:
        """A request was not let in. `stranger`: of somebody who may not come in, although one knows who it is. `parent`:
        the running call that asked, where no client did."""
        if (principal is None or stranger) and not self._strangers.admits():
            return  # a flood of strangers must not push the records of calls out of the stream
        log.info("request denied", code=code, subject=principal.subject if principal else None, tool=tool or None)
        self.record(denied_record(code, self._edge_id, self._clock.now_ms(), principal, tool, detail, parent))

    def access(self, code: str, subject: str, client_id: str, tenant: str = "") -> None:
        """Somebody logged in or allowed a client something, or a client got, renewed or gave up its tokens."""
        log.info("access", code=code, subject=subject or None, client=client_id)
        self.record(access_record(code, self._edge_id, self._clock.now_ms(), tenant, subject, client_id))

    def answered(self, call: ToolCall, code: str) -> None:
        """This edge answered a call whose outcome it does not know."""
        self.record(call_record(call, "answered", code, self._edge_id, self._clock.now_ms()))

    def continued(self, principal: Principal, backend: str, call_id: str, span: str) -> None:
        """Somebody read on in the result of a call that was over."""
        at_ms = self._clock.now_ms()
        self.record(
            continued_record(self._edge_id, at_ms, principal, call_id=call_id, backend=backend, tool=MESH_MORE, detail=span)
        )

    def record(self, record: bytes) -> None:
        """Append a record to the stream. Never waits."""
        future = append_record(self._line, record)
        future.add_done_callback(_log_failure)


def _log_failure(future: asyncio.Future[object]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("audit record lost", reason=type(error).__name__)

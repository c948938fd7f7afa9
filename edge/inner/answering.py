"""Each request of a running call: authorized and validated as a client's call, then put on its queue and waited for; or
answered at once, where it asks what there is."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from redis.exceptions import ResponseError

from edge.calls import Calls
from edge.discovery.finding import Finding
from edge.following import follow
from edge.hints import Hints
from edge.inner.arguments import checked, read_object
from edge.inner.in_hand import Asked
from edge.inner.naming import Naming
from edge.inner.opening import Opened
from edge.inner.reach import Reach
from edge.inner.replies import Replies
from edge.mesh import Mesh
from edge.outgoing import Outgoing, unknown_tool
from edge.render import error_of
from edge.tool import Tool
from shared import keys
from shared.errors import (
    BrokerUnavailable,
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidArguments,
    MeshError,
    NotAuthorized,
    TooManyCalls,
    UnknownTool,
)
from shared.functions import fcall
from shared.inner import ParentGrant
from shared.messages import ToolCall, ToolResult

log = structlog.get_logger()

_MARGIN_MS = 60_000
_RETURNS_MAX = 2
"""A parent is run as often as it may lose its worker, and some more: one that is given back is run again."""
_encode = msgspec.json.Encoder().encode


class Answering:
    """Of one edge."""

    def __init__(
        self,
        mesh: Mesh,
        calls: Calls,
        finding: Finding,
        naming: Naming,
        hints: Hints,
        replies: Replies,
        hold: Callable[[Asked], None],
    ) -> None:
        """`hold`: count a request as one that waits for calls of its own. Raises PrincipalBusy."""
        self._hold = hold
        self._mesh = mesh
        self._calls = calls
        self._finding = finding
        self._naming = naming
        self._hints = hints
        self._replies = replies
        settings = mesh.settings
        self._reach = Reach(mesh, naming)
        self._runs_max = settings.worker_losses_max + _RETURNS_MAX
        self._requests_max = settings.inner_requests_max

    async def answer(self, asked: Asked) -> None:
        """Answer one, as its worker may know what came of it; what went wrong of ours is in the log."""
        try:
            await self._answer(asked)
        except BrokerUnavailable as error:
            # Not answered: its worker sends it again, and may find the broker, or another edge, in a better state.
            log.info("request of a running call left to be sent again", reason=error.detail)
        except MeshError as error:
            self._refuse(asked, error)
        except Exception:
            log.exception("request of a running call not answered", parent=asked.opened.grant.parent)
            self._replies.failure(asked.opened, Internal("The edge failed at this call. Its log says more."))

    async def _answer(self, asked: Asked) -> None:
        opened = asked.opened
        self._check_bounds(opened)
        if opened.request.asks == "discover":
            self._replies.result(opened, _encode(await self._discovered(opened)))
        elif opened.request.asks == "describe":
            principal, name = opened.grant.principal, opened.request.tool
            found = await self._finding.describe(principal, name)
            if found is None:
                raise await self._naming.unknown(principal, name)
            self._replies.result(opened, _encode(found))
        else:
            await self._call(asked)

    def _check_bounds(self, opened: Opened) -> None:
        if opened.grant.backend and opened.request.asks != "call":
            raise UnknownTool("A composite can't look for tools: it may call those of its own file.")
        if opened.grant.deadline_ms <= self._mesh.clock.now_ms():
            raise DeadlineExceeded("The time of the call that asks is over; nothing was started.")
        if opened.request.ordinal > self._requests_max:
            raise TooManyCalls(f"A script may ask for something {self._requests_max} times, and this is more.")
        if opened.grant.depth < 1:
            raise TooManyCalls("A call that was made by a call may make no further ones.")

    async def _discovered(self, opened: Opened) -> list[dict[str, Any]]:
        settings = self._mesh.settings
        said = read_object(opened.request.arguments, bytes_max=settings.body_bytes_max, depth_max=settings.json_depth_max)
        text, limit = said.get("query", ""), said.get("limit")
        if not isinstance(text, str):
            raise InvalidArguments('What to look for must be a string, as in `toolmesh.discover("send mail")`.')
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise InvalidArguments("The limit must be a whole number above 0.")
        return await self._finding.discover(opened.grant.principal, text, limit)

    async def _call(self, asked: Asked) -> None:
        grant = asked.opened.grant
        reached = await self._reach.find(grant, asked.opened.request.tool)
        tool, settings = reached.tool, self._mesh.settings
        raw = asked.opened.request.arguments
        limits = {"bytes_max": settings.body_bytes_max, "depth_max": settings.json_depth_max}
        raw = checked(tool, raw, own_names=bool(grant.backend), **limits)
        if tool.access != "read" and not asked.opened.request.committed:
            self._replies.not_committed(asked.opened, tool.name)
            return
        outgoing = _outgoing(tool, raw)
        opened = asked.opened
        # One that was sent first to a broker that was restarted since may have been run, and forgotten: its worker looks.
        epoch = opened.request.epoch or ("" if opened.request.again else self._mesh.line.epoch)
        now_ms, drafts = self._mesh.clock.now_ms(), self._calls.drafts
        call = drafts.inner(grant, outgoing, _id_of(opened, tool), now_ms, epoch=epoch, delegated=reached.delegated)
        if call.grant and not asked.holds:
            self._hold(asked)
        known = await self._counted(opened, call)
        asked.running = await self._calls.start_inner(outgoing, call, known=known or opened.request.again)
        if asked.cancelled:
            await self._calls.stop(asked.running)
            self._calls.forget(asked.running)
        else:
            await self._tell_end(asked, tool)

    async def _tell_end(self, asked: Asked, tool: Tool) -> None:
        assert asked.running is not None
        call_id = asked.running.call.call_id
        end = await follow(self._calls, asked.running)
        # From here on: the request may have come again meanwhile, from another worker.
        if isinstance(end, ToolResult):
            notice = await self._notice(asked.opened.grant, tool, end.body)
            self._replies.result(asked.opened, end.body, call_id=call_id, tool=tool.name, notice=notice)
            return
        error = end if isinstance(end, MeshError) else error_of(end)
        if isinstance(error, NotAuthorized):
            error = unknown_tool(asked.opened.request.tool)
        self._replies.failure(asked.opened, error, call_id=call_id, tool=tool.name)

    async def _notice(self, grant: ParentGrant, tool: Tool, body: bytes) -> str:
        """The operator's note on the backend, where it is due. A composite shows none to anybody: it comes with its own
        result."""
        return "" if grant.backend else await self._hints.due(grant.principal, tool.backend, body)

    async def _counted(self, opened: Opened, call: ToolCall) -> bool:
        """Count a call of its parent; gives whether it was counted before. Raises MeshError."""
        parent = opened.grant.parent
        names = (keys.inner_calls(parent), keys.final(keys.job_id(opened.group, parent)))
        life_ms = max(opened.grant.deadline_ms - self._mesh.clock.now_ms(), 0) + _MARGIN_MS
        sent = (call.call_id, opened.request.ordinal, opened.grant.calls_max, self._runs_max, life_ms)
        try:
            answer = await fcall(self._mesh.line, "count", names, *sent)
        except ResponseError as cause:
            raise BrokerUnavailable("The broker can't count the call; nothing was started.", retry_after_s=2) from cause
        if answer == -1:
            raise Cancelled("The call that asks is over; nothing was started.")
        if answer == 0:
            raise TooManyCalls(
                f"A script may make {opened.grant.calls_max} calls, and this is more. Nothing was started. Do the rest in "
                "a further script."
            )
        return bool(answer == 2)

    def _refuse(self, asked: Asked, error: MeshError) -> None:
        request, grant = asked.opened.request, asked.opened.grant
        self._mesh.recorder.denied(error.code, grant.principal, request.tool, error.detail, parent=grant.parent)
        self._replies.failure(asked.opened, error)


def _outgoing(tool: Tool, arguments: bytes) -> Outgoing:
    return Outgoing(
        group=tool.group,
        backend=tool.backend,
        method="tools/call",
        subject=tool.definition.name,
        access=tool.access,
        arguments=arguments,
        meta={},
        compared=None,
        definition=tool.definition.hash,
        calls=tool.definition.calls,
        asked=tool.name,
    )


def _id_of(opened: Opened, tool: Tool) -> str:
    """The same for a request that comes again, at every edge; of no other call, and none that a worker could choose."""
    request = opened.request
    arguments = hashlib.sha256(request.arguments).hexdigest()
    said = _encode(("toolmesh-inner", request.parent, request.ordinal, tool.backend, tool.definition.name, arguments))
    return hmac.new(opened.secret, said, "sha256").hexdigest()[:32]

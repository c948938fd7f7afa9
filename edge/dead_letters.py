"""`toolmesh/queue/retry`: the owner has a call that lost its workers sent again, as a new call for the same principal.

A method of ours beside MCP's, on the MCP endpoint, in both eras. To everybody but the owner it is no method at all. A dead
letter is believed only as far as it is signed, and it is authorized and validated as if it came in now. It is taken off the
broker before the new call is put on its queue, so that two who do this at once make one call.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from edge.authorize import Authorizer, check_scope
from edge.calls import Calls
from edge.directory import Directory
from edge.exchange import Exchange
from edge.following import follow
from edge.outgoing import Outgoing
from edge.parse import Message
from edge.render import error_of, error_response
from edge.running import Running
from edge.tool import Tool
from shared import keys
from shared.audit import AuditRecord, encode_record
from shared.authorization import name_asked
from shared.catalogue import canonical_name
from shared.clock import BrokerClock
from shared.code_mode import CODE
from shared.errors import (
    BackendUnavailable,
    DefinitionChanged,
    ForgedMessage,
    InsufficientScope,
    InvalidParams,
    MeshError,
    PrincipalBusy,
    QueueFull,
    UnknownTool,
    UpstreamBadResponse,
)
from shared.jobs import CALL_ID, open_job
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import CallClass, Client, Final, ToolCall, ToolResult
from shared.settings import Settings

_WAIT_S_MAX = 10.0
"""How long the answer waits for the end of the new call; after that it says that it runs."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class DeadLetters:
    """Sends dead letters again."""

    def __init__(
        self,
        directory: Directory,
        authorizer: Authorizer,
        calls: Calls,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        role: str,
        *,
        refused: Callable[[str, str], None],
        record: Callable[[bytes], None],
    ) -> None:
        """`refused(kind, detail)` notes a forged message, `record` takes a record of the audit; `role` is this edge."""
        self._directory = directory
        self._authorizer = authorizer
        self._calls = calls
        self._line = line
        self._ring = ring
        self._clock = clock
        self._ttl_ms = int(settings.dead_letter_ttl_s * 1000)
        self._role = role
        self._refused = refused
        self._record = record
        self._followed: set[asyncio.Task[Final | MeshError]] = set()

    async def retry(self, exchange: Exchange) -> dict[str, Any]:
        """Params `callId`, and `waitS` (seconds, at most 10). Gives `callId` of the new call and `state`.

        `state` is `running`, or `over` together with `result` or `error`, as the request itself would have been answered.
        Raises InvalidParams for what is not there, ForgedMessage, and all that a request of its kind may be refused for.
        """
        call_id, wait_s = _params(exchange.message.params)
        group, letter, old = await self._find(call_id)
        outgoing, call = self._anew(group, old)
        if not self._directory.is_live(call.backend):
            raise BackendUnavailable(
                f"No worker serves backend {call.backend!r} now. The dead letter stays; try again when one does."
            )
        running = await self._send(outgoing, call, call_id, letter)
        self._record(self._retried(exchange, old, running.call.call_id))
        end = await self._end(running, wait_s)
        return {"callId": running.call.call_id, **_told(running, end)}

    async def _find(self, call_id: str) -> tuple[str, bytes, ToolCall]:
        """Group, letter, and the call in it. Raises InvalidParams, ForgedMessage, BrokerUnavailable."""
        groups = sorted({entry.group for entry in self._directory.served.values()} & self._ring.groups)
        reads = [self._line.cmd("GET", keys.dead_letter(keys.job_id(group, call_id))) for group in groups]
        letters = await asyncio.gather(*reads)
        found = [(group, letter) for group, letter in zip(groups, letters, strict=True) if letter is not None]
        if not found:
            raise _unknown(call_id)
        try:
            if len(found) > 1:
                raise ForgedMessage(f"groups {' and '.join(group for group, _ in found)} have a dead letter of that name")
            group, letter = found[0]
            old = open_job(self._ring, group, call_id, letter)
            entry = self._directory.served.get(old.backend)
            if entry is not None and entry.group != group:
                raise ForgedMessage(f"group {group!r} does not serve backend {old.backend!r}")
        except ForgedMessage as forged:
            self._refused("dead letter", forged.detail)
            raise ForgedMessage(
                f"The dead letter is not what an edge signed: {forged.detail}. Nothing was sent. "
                "`toolmesh queue drop` removes it."
            ) from forged
        return group, letter, old

    def _anew(self, group: str, old: ToolCall) -> tuple[Outgoing, ToolCall]:
        """authorize → validate, as of now, for the principal of the letter. Raises MeshError."""
        entry = self._directory.served.get(old.backend)
        if entry is None:
            raise BackendUnavailable(f"This edge's backends.yaml has no backend {old.backend!r} any more.")
        if old.parked:
            raise InvalidParams(
                "The call brought answers to a request that waited at a worker which is gone. It can't go on: drop it."
            )
        tool = self._permitted(old)
        definition, access = (tool.definition.hash, tool.access) if tool is not None else (old.definition, old.access)
        outgoing = Outgoing(
            group=group,
            backend=old.backend,
            method=old.method,
            subject=old.tool,
            access=access,
            arguments=old.arguments,
            meta={},
            compared=None,
            definition=definition,
            calls=tool.definition.calls if tool is not None and entry.transport == "rest" else None,
            inputs=old.inputs,
        )
        call = msgspec.structs.replace(
            old,
            queue=keys.queue(group, old.backend, keys.lane(access, makes_calls=outgoing.calls is not None)),
            definition=definition,
            access=access,
            progress=False,
            delegated="",  # it is sent again as its principal's own
            # Whoever is behind it can't be asked anything any more.
            client=Client(info=old.client.info, era=old.client.era),
            owner="" if entry.affinity == "none" else old.owner,
        )
        return outgoing, call

    def _permitted(self, old: ToolCall) -> Tool | None:
        """The tool, or None for a script or another method. Raises UnknownTool, InvalidArguments, DefinitionChanged."""
        if old.backend == CODE.name:
            return None  # whoever may come in may run scripts; what they call is authorized then
        shelf = self._directory.shelves.get(old.backend)
        name = canonical_name(old.backend, old.tool)
        tool = shelf.tools.get(old.tool) if shelf is not None and old.method == "tools/call" else None
        if tool is None and old.method == "tools/call":
            raise UnknownTool(f"There is no tool {name[:128]} any more.")
        self._authorize(old, "read" if tool is None else tool.access)
        if tool is None:
            return None
        if (tool.definition.calls is not None) is not bool(old.grant):
            raise DefinitionChanged(f"{name[:128]} is a tool of another kind now.")
        if tool.definition.hash != old.definition:
            try:
                arguments = msgspec.json.decode(old.arguments, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
                raise DefinitionChanged(f"The definition of {name[:128]} is another one now.") from cause
            tool.validate(arguments)
        return tool

    def _authorize(self, old: ToolCall, access: CallClass) -> None:
        """Raise UnknownTool for what the letter's principal may not use any more, or its token is not good for any more."""
        name = name_asked(old)
        refused = UnknownTool(f"{old.principal.subject!r} may not use {(name or old.method)[:128]} any more.")
        if not name or not self._authorizer.may_use(old.principal, name, access):
            raise refused
        try:
            check_scope(old.principal, access)
        except InsufficientScope as error:
            raise refused from error

    async def _send(self, outgoing: Outgoing, call: ToolCall, call_id: str, letter: bytes) -> Running:
        """Take the letter away and put the new call on its queue; where that is refused the letter lies there again."""
        jid = keys.job_id(outgoing.group, call_id)
        taken = await self._line.cmd("GETDEL", keys.dead_letter(jid))
        if taken is None:
            raise _unknown(call_id)
        if taken != letter:
            self._refused("dead letter", "the letter was exchanged while it was read")
            raise ForgedMessage("The dead letter was exchanged while it was read. Nothing was sent.")
        try:
            running = await self._calls.resend(outgoing, call)
        except (QueueFull, PrincipalBusy):
            # Only where it surely is on no queue: a letter that was put back otherwise might be sent twice.
            self._line.send("SET", keys.dead_letter(jid), letter, "PX", self._ttl_ms, "NX")
            raise
        self._line.send("ZREM", keys.dead_letters(outgoing.group), jid)
        return running

    async def _end(self, running: Running, wait_s: float) -> Final | MeshError | None:
        """The call's end if it comes in time. It is followed to its end in any case, so that it has one."""
        following = asyncio.get_running_loop().create_task(follow(self._calls, running))
        self._followed.add(following)
        following.add_done_callback(self._followed.discard)
        await asyncio.wait({following}, timeout=wait_s)
        return following.result() if following.done() else None

    def _retried(self, exchange: Exchange, old: ToolCall, new_id: str) -> bytes:
        return encode_record(
            AuditRecord(
                at_ms=self._clock.now_ms(),
                phase="answered",
                code="retried",
                role=self._role,
                call_id=old.call_id,
                tenant=exchange.principal.tenant,
                subject=exchange.principal.subject,
                caller_id=exchange.principal.caller_id,
                backend=old.backend,
                tool=old.tool,
                access=old.access,
                detail=new_id,
                method=old.method,
            )
        )


def _params(params: dict[str, Any]) -> tuple[str, float]:
    call_id, wait_s = params.get("callId"), params.get("waitS", _WAIT_S_MAX)
    if not isinstance(call_id, str) or not CALL_ID.fullmatch(call_id):
        raise InvalidParams("params.callId must be the id of a call, as `toolmesh queue ls` shows it.")
    if isinstance(wait_s, bool) or not isinstance(wait_s, int | float) or not 0 <= wait_s <= _WAIT_S_MAX:
        raise InvalidParams(f"params.waitS must be a number of seconds from 0 to {_WAIT_S_MAX:g}.")
    return call_id, float(wait_s)


def _unknown(call_id: str) -> InvalidParams:
    return InvalidParams(f"There is no dead letter {call_id}. `toolmesh queue ls` lists those that there are.")


def _told(running: Running, end: Final | MeshError | None) -> dict[str, Any]:
    """`state`, with `result` or `error` of a request that is over."""
    if end is None:
        return {"state": "running"}
    if isinstance(end, ToolResult):
        try:
            _members.decode(end.body)
            return {"state": "over", "result": msgspec.Raw(end.body)}
        except (msgspec.DecodeError, UnicodeDecodeError):
            end = UpstreamBadResponse("The backend's result is not what the method gives.")
    error = end if isinstance(end, MeshError) else error_of(end)
    request = Message("legacy", running.call.method, None, {})
    _, body = error_response(request, error, running.call.call_id)
    response = _members.decode(body)
    return {"state": "over", **{name: response[name] for name in ("result", "error") if name in response}}

"""The signed call that a request becomes, out of what the client said and what the operator configured."""

import os
from collections.abc import Mapping
from typing import Any

import msgspec
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, LOG_LEVEL_META_KEY

from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.request_state import Pending
from shared import keys
from shared.code_mode import CODE
from shared.codec import seal, unseal
from shared.configuration import BackendEntry
from shared.identity import Principal, share_of
from shared.inner import ParentGrant
from shared.line import RedisLine
from shared.log_levels import LOG_LEVELS
from shared.mesh_keys import KeyRing
from shared.messages import Client, ToolCall
from shared.settings import Settings

_PRIVATE_META = ("openai/", "toolmesh/", "io.modelcontextprotocol/", "timezone", "progressToken")
"""Members of `_meta` that end here: the envelope of this hop, and what tells about the person (place, device)."""
_NOBODY = Client(era="legacy")
_CODE_MARGIN_MS = 5_000
"""How much longer than its time a script's call lives: so that its worker ends it, and says what was done."""


class Drafts:
    """Drafts calls for one edge."""

    def __init__(
        self, entries: Mapping[str, BackendEntry], line: RedisLine, ring: KeyRing, edge_id: str, settings: Settings
    ) -> None:
        self._entries = entries
        self._line = line
        self._ring = ring
        self._edge_id = edge_id
        self._timeout_ms = int(settings.exec_timeout_s * 1000)
        self._script_calls_max = settings.code_calls_max
        self._code_timeout_ms = int(settings.code_timeout_s * 1000) + _CODE_MARGIN_MS

    def make(self, exchange: Exchange, outgoing: Outgoing, now_ms: int) -> ToolCall:
        """A new call with an id of its own."""
        entry = self._entries[outgoing.backend]
        pending = outgoing.pending or Pending()
        session = _session_of(exchange)
        call = ToolCall(
            call_id=os.urandom(16).hex(),
            queue=queue_of(self._queue(outgoing), pending),
            backend=outgoing.backend,
            tool=outgoing.subject,
            definition=outgoing.definition,
            access=outgoing.access,
            principal=exchange.principal,
            arguments=outgoing.arguments,
            meta=_relayed(outgoing.meta),
            deadline_ms=now_ms + self._time_ms(outgoing.backend),
            reply=self._edge_id,
            progress=progress_token(outgoing.meta) is not None,
            method=outgoing.method,
            client=_client(exchange, entry, outgoing.meta),
            inputs=outgoing.inputs,
            parked=pending.parked,
            owner="" if self._is_composite(outgoing) else _owner(exchange.principal, session, entry),
            epoch=self._line.epoch,
        )
        if outgoing.backend == CODE.name:
            return self._granted(call, self._script(call, session))
        return self._granted(call, self._composite(call, session)) if self._is_composite(outgoing) else call

    def anew(self, call: ToolCall, now_ms: int) -> ToolCall:
        """A call of the past as a new one, with an id and a time of its own. Raises ForgedMessage."""
        new = msgspec.structs.replace(
            call,
            call_id=os.urandom(16).hex(),
            deadline_ms=now_ms + self._time_ms(call.backend),
            reply=self._edge_id,
            epoch=self._line.epoch,
        )
        return self._granted(new, unseal(self._ring, "edge", call.grant, ParentGrant)) if call.grant else new

    def inner(
        self, grant: ParentGrant, outgoing: Outgoing, call_id: str, now_ms: int, *, epoch: str, delegated: str = ""
    ) -> ToolCall:
        """A call that a running call makes: for its principal, within its time, with nobody who could be asked. `epoch`: of
        the broker when it was asked for first; `delegated`: the composite under whose authority it is made. A composite
        that a script calls may make calls, too."""
        composite = self._is_composite(outgoing) and grant.depth > 1
        entry = self._entries[outgoing.backend]
        call = ToolCall(
            call_id=call_id,
            queue=self._queue(outgoing),
            backend=outgoing.backend,
            tool=outgoing.subject,
            definition=outgoing.definition,
            access=outgoing.access,
            principal=grant.principal,
            arguments=outgoing.arguments,
            deadline_ms=min(grant.deadline_ms, now_ms + self._timeout_ms),
            reply=self._edge_id,
            client=_unasked(grant.client),
            owner="" if composite else _owner(grant.principal, grant.session, entry),
            epoch=epoch,
            parent=grant.parent,
            delegated=delegated,
        )
        return self._granted(call, self._composite(call, grant.session)) if composite else call

    def _is_composite(self, outgoing: Outgoing) -> bool:
        """Whether it makes calls itself. No backend of another kind has such tools, whatever its workers say."""
        return outgoing.calls is not None and self._entries[outgoing.backend].transport == "rest"

    def _queue(self, outgoing: Outgoing) -> str:
        lane = keys.lane(outgoing.access, makes_calls=self._is_composite(outgoing))
        return keys.queue(outgoing.group, outgoing.backend, lane)

    def _script(self, call: ToolCall, session: str) -> ParentGrant:
        """What a script may: call every tool, and composites, which make calls themselves."""
        return self._grant(call, session, depth=2, calls_max=self._script_calls_max)

    def _composite(self, call: ToolCall, session: str) -> ParentGrant:
        """What a composite may: call the plain tools of its own backend."""
        return self._grant(call, session, access=call.access, backend=call.backend, tool=call.tool)

    def _grant(self, call: ToolCall, session: str, **fields: Any) -> ParentGrant:
        return ParentGrant(
            parent=call.call_id,
            group=self._entries[call.backend].group,
            principal=call.principal,
            deadline_ms=call.deadline_ms,
            client=_unasked(call.client),
            session=session,
            **fields,
        )

    def _granted(self, call: ToolCall, grant: ParentGrant) -> ToolCall:
        """With what it takes to make further calls; they have no more time than it has."""
        bound = msgspec.structs.replace(grant, parent=call.call_id, deadline_ms=call.deadline_ms)
        return msgspec.structs.replace(call, grant=seal(self._ring, "edge", bound))

    def _time_ms(self, backend: str) -> int:
        return self._code_timeout_ms if backend == CODE.name else self._timeout_ms


def queue_of(queue: str, pending: Pending) -> str:
    """The queue of a call: where another one waits at a worker for what it brings, that worker's part of it."""
    return keys.part(queue, pending.worker) if pending.worker else queue


def progress_token(meta: Mapping[str, Any]) -> str | int | None:
    """The token under which a client wants to hear of progress, or None."""
    token = meta.get("progressToken")
    return token if isinstance(token, str | int) and not isinstance(token, bool) else None


def _relayed(meta: Mapping[str, Any]) -> bytes:
    """What of `_meta` a backend may see, as JSON; empty for nothing."""
    kept = {name: value for name, value in meta.items() if not name.startswith(_PRIVATE_META)}
    return msgspec.json.encode(kept) if kept else b""


def _client(exchange: Exchange, entry: BackendEntry, meta: Mapping[str, Any]) -> Client:
    """What the backend may learn of the client: in the 2026 era each request says it, before the session does."""
    if exchange.message.era == "modern":
        info, level = meta.get(CLIENT_INFO_META_KEY), meta.get(LOG_LEVEL_META_KEY)
        return Client(
            asking="retry" if entry.relay else "no",
            capabilities=msgspec.json.encode(meta.get(CLIENT_CAPABILITIES_META_KEY) or {}) if entry.relay else b"{}",
            info=msgspec.json.encode(info) if isinstance(info, dict) else b"",
            log_level=level if isinstance(level, str) and level in LOG_LEVELS else "",
        )
    if exchange.session is None:
        return _NOBODY
    client = exchange.session.client
    return client if entry.relay else msgspec.structs.replace(client, asking="no", capabilities=b"{}")


def _unasked(client: Client) -> Client:
    """What may be told of a client that can't be asked anything."""
    return msgspec.structs.replace(client, asking="no", capabilities=b"{}", log_level="")


def _session_of(exchange: Exchange) -> str:
    """Digest of its session; empty where it has none."""
    return exchange.session.digest if exchange.session is not None else ""


def _owner(principal: Principal, session: str, entry: BackendEntry) -> str:
    """Whose upstream session a call belongs to. A client that has no session (`session` is its digest) shares that of its
    principal."""
    if entry.affinity == "none":
        return ""
    share = share_of(principal)
    return f"{share}.{session[:16]}" if entry.affinity == "session" and session else share

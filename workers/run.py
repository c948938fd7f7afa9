"""One run of one call, as the backend speaks to it: progress, notices, questions, and the leave to act."""

import asyncio
from typing import Any, Protocol

import msgspec

from shared.messages import Client, ToolCall
from workers.claimed import Claimed
from workers.client import DENIED, takes_notice
from workers.dispatching import Dispatching
from workers.leases import Lease
from workers.publishing import Publisher
from workers.served import Served

_SESSION_META = "toolmesh/upstreamSession"
_RENEWED_NOTICE = msgspec.json.encode(
    {
        "level": "warning",
        "logger": "toolmesh",
        "data": "The upstream session that this call belongs to is gone, and with it the state that it had. A new one "
        "was begun.",
    }
)
_RENEWED = msgspec.Raw(b'"renewed"')
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Asks(Protocol):
    """How the client of a run is asked on its stream."""

    async def ask(self, run: "Run", method: str, params: bytes) -> bytes:
        """The client's answer: a JSON object with the one member `result` or `error`."""
        ...


class Run:
    """Mutable: numbers what is said, and remembers what has to be told at the end."""

    __slots__ = (
        "_asks",
        "_dispatching",
        "_publisher",
        "asked",
        "call",
        "claimed",
        "client",
        "group",
        "lease",
        "parked",
        "seq",
        "served",
        "session_renewed",
        "started",
    )

    def __init__(
        self,
        served: Served,
        call: ToolCall,
        client: Client,
        claimed: Claimed,
        lease: Lease,
        publisher: Publisher,
        asks: Asks,
        dispatching: Dispatching,
    ) -> None:
        """`client` is what the backend may know of the call's client."""
        self.served = served
        self.group = served.entry.group
        self.call = call
        self.client = client
        self.claimed = claimed
        self.lease = lease
        self.started = asyncio.get_running_loop().time()
        self.seq = 0
        """Number of the last event that was published."""
        self.asked = 0
        """How often the client was asked."""
        self.session_renewed = False
        self.parked = ""
        """Id under which the upstream call waits that this run leaves behind."""
        self._publisher = publisher
        self._asks = asks
        self._dispatching = dispatching

    def report(self, params: bytes) -> None:
        """Relay progress, where the client wants it."""
        if self.call.progress and self._publisher.report(self.group, self.call, self.claimed, self.seq + 1, params):
            self.seq += 1

    def notify(self, method: str, params: bytes) -> None:
        """Relay a log message, where the client wants it."""
        if takes_notice(self.client, method, params) and self._publisher.notify(
            self.group, self.call, self.claimed, self.seq + 1, method, params
        ):
            self.seq += 1

    async def ask(self, method: str, params: bytes) -> bytes:
        """Ask the client, where it can be asked in mid-call."""
        if self.client.asking != "stream":
            return DENIED
        return await self._asks.ask(self, method, params)

    async def dispatch(self) -> None:
        """Make sure that this worker may act for the call now; for a write, mark that it may have happened."""
        await self._dispatching.dispatch(self.lease)

    async def withdraw(self) -> None:
        """What was sent had no effect, the upstream says: it wants to be asked again."""
        await self._dispatching.withdraw(self.lease)

    def renewed(self) -> None:
        """The upstream session that the call's owner had is gone: tell the client, now and with the result."""
        if not self.session_renewed:
            self.session_renewed = True
            self.notify("notifications/message", _RENEWED_NOTICE)

    def marked(self, body: bytes) -> bytes:
        """A result, with the word that the upstream session is a new one where it is."""
        if not self.session_renewed:
            return body
        try:
            members: dict[str, Any] = dict(_objects.decode(body))
            meta = _objects.decode(members["_meta"]) if "_meta" in members else {}
        except msgspec.DecodeError:
            return body  # no JSON object: not ours to mend
        members["_meta"] = meta | {_SESSION_META: _RENEWED}
        return msgspec.json.encode(members)

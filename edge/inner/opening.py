"""What came off the list: opened, and held against the grant that it brings."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.clock import BrokerClock
from shared.codec import open_envelope, signed_with, unseal
from shared.errors import ForgedMessage
from shared.inner import InnerCancel, InnerRequest, ParentGrant
from shared.mesh_keys import KeyRing
from shared.settings import Settings

_FUTURE_MS_MAX = 2_000
_WORKER = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request that a worker of the grant's group has signed."""

    group: str
    request: InnerRequest
    grant: ParentGrant
    secret: bytes
    """The edges' key that the grant was signed with: the same at every edge."""


class Opening:
    """Opens messages for one edge."""

    def __init__(self, ring: KeyRing, clock: BrokerClock, settings: Settings) -> None:
        self._ring = ring
        self._clock = clock
        self._age_ms_max = settings.inner_age_s_max * 1000

    def request(self, raw: bytes) -> Opened:
        """Raises ForgedMessage for what is no request, not signed for the group that the grant names, or too old."""
        group, request = open_envelope(self._ring, raw)
        if not isinstance(request, InnerRequest):
            raise ForgedMessage("what lies on the list of requests is something else")
        grant = self._grant(group, request.grant, request.parent)
        self._check_age(request.at_ms)
        if request.ordinal < 1:
            raise ForgedMessage(f"the request has the number {request.ordinal}; the first one is 1")
        if not _WORKER.fullmatch(request.reply):
            raise ForgedMessage("the request names no worker to answer to")
        return Opened(group=group, request=request, grant=grant, secret=signed_with(self._ring, request.grant))

    def cancel(self, raw: bytes) -> InnerCancel:
        """Raises ForgedMessage, as `request`."""
        group, cancel = open_envelope(self._ring, raw)
        if not isinstance(cancel, InnerCancel):
            raise ForgedMessage("what came as the end of a parent is something else")
        self._grant(group, cancel.grant, cancel.parent)
        self._check_age(cancel.at_ms)
        return cancel

    def _grant(self, group: str, raw: bytes, parent: str) -> ParentGrant:
        grant = unseal(self._ring, "edge", raw, ParentGrant)
        if grant.group != group:
            raise ForgedMessage(f"group {group!r} brings a grant of group {grant.group!r}")
        if grant.parent != parent:
            raise ForgedMessage("the request brings the grant of another parent")
        return grant

    def _check_age(self, at_ms: int) -> None:
        age_ms = self._clock.now_ms() - at_ms
        if not -_FUTURE_MS_MAX <= age_ms <= self._age_ms_max:
            raise ForgedMessage("the request is too old or from the future")


Refused = Callable[[str, str], None]
"""`(kind, detail)`: notes a message that was thrown away."""

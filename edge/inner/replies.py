"""What an edge tells the worker of a running call: answers, and signs that there will be some."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from edge.inner.in_hand import Asked
from edge.inner.opening import Opened
from edge.render import error_facts
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import MeshError
from shared.inner import NOT_COMMITTED, InnerBody, InnerResult, InnerSign
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Message

_MARGIN_MS = 5_000
_DETAIL_CHARS_MAX = 8_192
_encode = msgspec.json.Encoder().encode


class Replies:
    """Of one edge. Nothing here waits: what is lost is asked for again."""

    def __init__(self, line: RedisLine, ring: KeyRing, clock: BrokerClock, *, inline_bytes_max: int) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._inline_bytes_max = inline_bytes_max

    def result(self, opened: Opened, body: bytes, *, call_id: str = "", tool: str = "", notice: str = "") -> None:
        """A result: of a call, or of what was found. `notice`: the operator's note on the backend."""
        stored = len(body) > self._inline_bytes_max
        if stored:
            # What is no call of its own lies under a name that no call has.
            call_id = call_id or f"{opened.request.parent}.{opened.request.ordinal}"
            sealed = seal(self._ring, opened.group, InnerBody(call_id=call_id, body=body))
            life_ms = max(opened.grant.deadline_ms - self._clock.now_ms(), 0) + _MARGIN_MS
            self._line.send("SET", keys.inner_body(opened.group, call_id), sealed, "PX", life_ms)
        self._answer(opened, call_id=call_id, tool=tool, body=b"" if stored else body, stored=stored, notice=notice)

    def failure(self, opened: Opened, error: MeshError, *, call_id: str = "", tool: str = "") -> None:
        """A failure."""
        data = _encode(error_facts(error, call_id))
        if len(data) > self._inline_bytes_max:
            data = b""  # an upstream's own words, at length
        detail = error.detail[:_DETAIL_CHARS_MAX]
        self._answer(opened, call_id=call_id, tool=tool, code=error.code, detail=detail, data=data)

    def not_committed(self, opened: Opened, tool: str) -> None:
        """Nothing was done: the parent is to be marked first."""
        self._answer(opened, tool=tool, code=NOT_COMMITTED)

    def _answer(self, opened: Opened, **fields: Any) -> None:
        request = opened.request
        self._tell(opened.group, request.reply, InnerResult(parent=request.parent, ordinal=request.ordinal, **fields))

    def sign(self, asked: Iterable[Asked]) -> None:
        """Say that these go on: one message for each parent and worker."""
        going: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for each in asked:
            request = each.opened.request
            going[each.opened.group, request.reply, request.parent].append(request.ordinal)
        for (group, worker, parent), ordinals in going.items():
            self._tell(group, worker, InnerSign(parent=parent, ordinals=tuple(sorted(ordinals))))

    def _tell(self, group: str, worker: str, message: Message) -> None:
        self._line.send("PUBLISH", keys.inner_channel(group, worker), seal(self._ring, group, message))

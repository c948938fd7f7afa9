"""Requests of a session that any edge may have to find: the client's, to cancel or take up again, and ours to the client.

Kept beside the session under its digest, so that no session reaches another one's, and signed like it. Nothing here costs
a call a round trip: what is kept is sent along and not waited for.
"""

import hashlib
from collections.abc import Callable

import msgspec

from edge.draft import progress_token
from edge.exchange import Exchange
from edge.running import Running
from edge.sessions.records import Records
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Answer, ToolCall
from shared.queue import cancel
from shared.sessions import Session, SessionQuestion, SessionRequest

_REQUEST_ID_CHARS_MAX = 128
_encode = msgspec.json.Encoder().encode


def ticket_of(rpc_id: str | int) -> str:
    """Names a request of a session in Redis and in event ids: 16 hex digits."""
    return hashlib.sha256(_encode(rpc_id)).hexdigest()[:16]


def call_of(request: SessionRequest, session: Session) -> ToolCall:
    """The call behind a request, as far as is needed to cancel it or to wait for its end: without its arguments."""
    return ToolCall(
        call_id=request.call_id,
        queue=request.queue,
        backend=request.backend,
        tool=request.tool,
        definition="",
        access=request.access,
        principal=Principal(tenant=session.tenant, subject=session.subject),
        arguments=b"{}",
        deadline_ms=request.deadline_ms,
        reply="",
        method=request.method,
        epoch=request.epoch,
    )


class SessionRequests:
    """Keeps and finds them."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        role: str,
        *,
        result_ttl_s: float,
        refused: Callable[[str, str], None],
    ) -> None:
        """`role`: the edge, as the audit names it."""
        self._role = role
        self._line = line
        self._ring = ring
        self._clock = clock
        self._result_ttl_ms = int(result_ttl_s * 1000)
        self._records = Records(ring, refused=refused)
        self.unmatched = 0
        """Cancels and answers of clients for which there was no request of their session."""

    def note_request(self, exchange: Exchange, running: Running) -> str:
        """Keep the call behind a request as long as its result is kept. Never waits.

        Gives the request's ticket, with which the ids of its events begin; empty where its stream can't be taken up again.
        """
        session, rpc_id, call = exchange.session, exchange.message.id, running.call
        if session is None or rpc_id is None:
            return ""
        ticket = ticket_of(rpc_id)
        request = SessionRequest(
            digest=session.digest,
            ticket=ticket,
            rpc_id=rpc_id,
            progress_token=progress_token(running.outgoing.meta),
            call_id=call.call_id,
            group=running.outgoing.group,
            backend=call.backend,
            queue=call.queue,
            tool=call.tool,
            access=call.access,
            method=call.method,
            deadline_ms=call.deadline_ms,
            reattach=running.same.key if running.same.how in ("look", "keep") else "",
            epoch=call.epoch,
        )
        name = keys.session_request(session.digest, ticket)
        self._line.send("SET", name, seal(self._ring, "edge", request), "PX", self._life_ms(call.deadline_ms))
        return ticket if session.kind == "http" else ""

    def forget_request(self, exchange: Exchange) -> None:
        """It was answered whole: there is nothing to cancel any more, and no stream to take up again. Never waits."""
        if exchange.session is not None and exchange.message.id is not None:
            name = keys.session_request(exchange.session.digest, ticket_of(exchange.message.id))
            self._line.send("DEL", name)

    async def find(self, session: Session, ticket: str) -> SessionRequest | None:
        """A request of this session, or None. Raises BrokerUnavailable."""
        asked = self._line.cmd("GET", keys.session_request(session.digest, ticket))
        request = await self._records.read(asked, SessionRequest)
        return request if request and (request.digest, request.ticket) == (session.digest, ticket) else None

    async def cancel(self, session: Session, rpc_id: object) -> None:
        """`notifications/cancelled`: stop a call of this session, as far as it can be stopped. Raises BrokerUnavailable."""
        if isinstance(rpc_id, bool) or not isinstance(rpc_id, str | int):
            return
        request = await self.find(session, ticket_of(rpc_id))
        if request is None:
            self.unmatched += 1
            return
        await cancel(
            self._line,
            self._ring,
            request.group,
            call_of(request, session),
            self._clock.now_ms(),
            same=request.reattach,
            role=self._role,
            result_ttl_ms=self._result_ttl_ms,
        )

    async def note_question(self, exchange: Exchange, running: Running, request_id: str) -> None:
        """Keep which call waits for the client's answer, before the client is asked. Raises BrokerUnavailable."""
        session, call = exchange.session, running.call
        if session is None:
            return
        question = SessionQuestion(
            digest=session.digest,
            request_id=request_id,
            call_id=call.call_id,
            group=running.outgoing.group,
            backend=call.backend,
        )
        name = keys.session_question(session.digest, request_id)
        await self._line.cmd("SET", name, seal(self._ring, "edge", question), "PX", self._life_ms(call.deadline_ms))

    async def answer(self, session: Session, request_id: str, body: bytes) -> None:
        """Hand a client's answer to the call that asked. `body`: JSON object with the one member `result` or `error`.

        What nothing of this session asked, or was answered already, is let pass. Raises BrokerUnavailable.
        """
        question: SessionQuestion | None = None
        if 0 < len(request_id) <= _REQUEST_ID_CHARS_MAX:
            asked = self._line.cmd("GETDEL", keys.session_question(session.digest, request_id))
            question = await self._records.read(asked, SessionQuestion)
        if question is None or (question.digest, question.request_id) != (session.digest, request_id):
            self.unmatched += 1
            return
        answer = Answer(
            call_id=question.call_id,
            backend=question.backend,
            request_id=request_id,
            body=body,
            at_ms=self._clock.now_ms(),
        )
        sealed = seal(self._ring, question.group, answer)
        copy = keys.answer(keys.job_id(question.group, question.call_id), request_id)
        stored = self._line.cmd("SET", copy, sealed, "PX", self._result_ttl_ms)
        self._line.send("PUBLISH", keys.control_channel(question.group), sealed)
        await stored

    def _life_ms(self, deadline_ms: int) -> int:
        return max(deadline_ms - self._clock.now_ms(), 0) + self._result_ttl_ms

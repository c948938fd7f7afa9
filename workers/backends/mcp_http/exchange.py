"""One request until its answer, over one session: send, read, take up a broken stream, cancel."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import aiohttp

from shared.errors import MeshError, UpstreamTimeout, UpstreamTooLarge
from shared.settings import Settings
from workers.backends.mcp_http.answer import StreamEnded, is_stream, read_answer
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.message import Hear

_RETRY_S = 1.0
_NOTICES_MAX = 256


class Exchange:
    """Sends the requests of one backend."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._notices: set[asyncio.Task[None]] = set()

    async def send(self, session: Session, request: wire.Request, hear: Hear, *, check_depth: bool = True) -> bytes:
        """The raw `result`; `check_depth` as in `read_answer`. Raises what `Connection.post` and `read_answer` raise.

        Given up (cancelled, too large, silent in mid-answer), the upstream is told: a notification in the 2025 era, where a
        closed stream says nothing; the closed stream in the modern era.
        """
        try:
            if session.stream is not None:
                return await session.stream.send(request, hear, check_depth=check_depth)
            response = await self._connection.post({**session.headers, **request.headers}, request.body)
            try:
                return await self._read(response, session, request, hear, check_depth)
            except StreamEnded as ended:
                if session.modern or ended.last_id is None:
                    raise
                return await self._resume(session, request, hear, check_depth, ended)
        except (asyncio.CancelledError, UpstreamTooLarge, UpstreamTimeout):
            if not session.modern:
                self._notify_cancelled(session, request.id)
            raise

    async def close(self) -> None:
        """Drop what is still to be said."""
        for notice in self._notices:
            notice.cancel()
        await asyncio.gather(*self._notices, return_exceptions=True)

    def replier(self, session: Session) -> Callable[[bytes], Awaitable[None]] | None:
        """How to answer requests of the upstream itself; the modern era has none."""
        if session.modern:
            return None

        async def reply(body: bytes) -> None:
            telling = self._connection.tell(session.headers, body, session.to)
            if session.stream is None:
                await telling
            else:
                self._in_background(telling)  # nobody else's answer on that stream waits for it

        return reply

    async def _read(
        self, response: aiohttp.ClientResponse, session: Session, request: wire.Request, hear: Hear, check_depth: bool
    ) -> bytes:
        try:
            result = await read_answer(
                response,
                request.id,
                self._settings,
                hear,
                session=session.id is not None,
                mask=self._connection.mask,
                check_depth=check_depth,
            )
        except BaseException:
            response.close()
            raise
        if not response.closed:
            self._connection.let_run_out(response)
        return result

    async def _resume(
        self, session: Session, request: wire.Request, hear: Hear, check_depth: bool, ended: StreamEnded
    ) -> bytes:
        """Take up the stream where it broke off (2025-11-25, basic/transports, "Resumability and redelivery")."""
        last_id, retry_s = ended.last_id, ended.retry_s
        for _ in range(self._settings.upstream_resumes_max):
            await asyncio.sleep(_RETRY_S if retry_s is None else retry_s)
            headers = {**session.headers, wire.LAST_EVENT_HEADER: last_id or ""}
            try:
                response = await self._connection.get(headers)
            except MeshError:
                continue
            if response.status != 200 or not is_stream(response):
                response.close()
                break
            try:
                return await self._read(response, session, request, hear, check_depth)
            except StreamEnded as again:
                last_id, retry_s = again.last_id or last_id, again.retry_s or retry_s
        raise ended

    def _notify_cancelled(self, session: Session, request_id: int) -> None:
        """Tell the upstream in the background: who gives up does not wait for it."""
        body = wire.notification("notifications/cancelled", b'"requestId":%d' % request_id)
        self._in_background(self._connection.tell(session.headers, body, session.to))

    def _in_background(self, telling: Coroutine[None, None, None]) -> None:
        if len(self._notices) >= _NOTICES_MAX:
            telling.close()
            return
        notice = asyncio.create_task(telling)
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

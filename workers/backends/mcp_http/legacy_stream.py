"""HTTP+SSE of MCP 2024-11-05: one stream that carries all answers of a session; requests are posted elsewhere.

Specification 2024-11-05, basic/transports, "HTTP with SSE": the stream's first event, `endpoint`, names the URL that
takes messages. It may name one of the same origin only, or an upstream could have our credential sent to anyone.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import msgspec
import structlog
import yarl
from msgspec import UNSET

from shared.errors import MeshError, UpstreamBadResponse
from shared.settings import Settings
from workers.backends.mcp_http.answer import SessionLost, follow_stream, is_stream, refuse, result_or_error, stream_of
from workers.backends.mcp_http.budget import Budget
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.events import EventParser
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.message import Hear, Message, ignore, too_deep
from workers.egress.body import Body, BrokenBody

log = structlog.get_logger()

_ENDPOINT_CHARS_MAX = 2048
_EVENT_BYTES = 64
"""What an event has beside its data, as far as it is not counted."""
_HEADERS = {"Accept": "text/event-stream", "Cache-Control": "no-store"}


class NoStream(UpstreamBadResponse):
    """What was asked for a stream gives none: it does not speak HTTP+SSE."""


class _Token(msgspec.Struct):
    progressToken: int | str  # noqa: N815 (MCP's name)


_tokens = msgspec.json.Decoder(_Token)


class LegacyStream:
    """The stream of one session."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._parser = EventParser(settings.upstream_answer_bytes_max)
        self._budget = Budget(settings.upstream_stream_bytes_max, endless=True)
        self._waiting: dict[int, tuple[asyncio.Future[Message], Hear]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._on_end: list[Callable[[], None]] = []
        self.endpoint = connection.url
        """The URL that takes messages."""
        self.hear: Hear = ignore
        """Takes what belongs to none of the requests."""
        self.ended = asyncio.Event()

    async def open(self) -> None:
        """Wait for the endpoint, then read in the background.

        Raises NoStream, UpstreamBadResponse, UpstreamTooLarge, and what `Connection.get` raises.
        """
        response = await self._connection.get(_HEADERS)
        try:
            if response.status in (401, 403):
                await refuse(response, self._settings, session=False, mask=self._connection.mask)
            if response.status != 200 or not is_stream(response):
                raise NoStream(f"The upstream answers GET with HTTP {response.status} and no event stream.")
            body = stream_of(response, self._settings)
            self.endpoint = self._checked(await self._first_endpoint(body))
        except BaseException:
            response.close()
            raise
        self._reader = asyncio.create_task(self._read(response, body))

    def on_end(self, told: Callable[[], None]) -> None:
        """Have this called once when the stream is over."""
        if self.ended.is_set():
            told()
        else:
            self._on_end.append(told)

    async def close(self) -> None:
        """End the stream."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def send(self, request: wire.Request, hear: Hear, *, check_depth: bool = True) -> bytes:
        """Post a request and wait for its answer on the stream: the raw `result`.

        Raises SessionLost (nothing was done), UpstreamError for a JSON-RPC error, UpstreamBadResponse where the stream
        broke meanwhile, and what `Connection.post` and `refuse` raise.
        """
        if self.ended.is_set():
            raise SessionLost("The upstream's stream is over.")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = (answer, hear)
        try:
            response = await self._connection.post(request.headers, request.body, self.endpoint)
            try:
                if not 200 <= response.status < 300:
                    await refuse(response, self._settings, session=True, mask=self._connection.mask)
            finally:
                self._connection.let_run_out(response)
            message = await answer
        finally:
            del self._waiting[request.id]
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen, also where the post failed first
        result = result_or_error(message, 200)
        if check_depth:
            await _check_depth(result, self._settings.json_depth_max)
        return result

    async def _first_endpoint(self, body: Body) -> bytes:
        try:
            while piece := await body.next():
                self._budget.spend(len(piece))
                self._parser.feed(piece)
                if self._parser.endpoint is not None:
                    return self._parser.endpoint
        except BrokenBody as cause:
            raise UpstreamBadResponse("The upstream's stream broke before it named its endpoint.") from cause
        raise UpstreamBadResponse("The upstream's stream ended before it named its endpoint.")

    def _checked(self, named: bytes) -> yarl.URL:
        """The endpoint's URL. Raises UpstreamBadResponse for one that our messages must not go to."""
        base = self._connection.url
        try:
            text = named.decode("ascii").strip()
            found = base.join(yarl.URL(text))
            same = found.origin() == base.origin() and (found.user, found.password) == (base.user, base.password)
        except ValueError:
            raise UpstreamBadResponse("The upstream's `endpoint` event names no URL.") from None
        if not text or len(text) > _ENDPOINT_CHARS_MAX:
            raise UpstreamBadResponse("The upstream's `endpoint` event names no URL.")
        if not same:
            raise UpstreamBadResponse(
                "The upstream wants its messages sent to another origin than its `url` in backends.yaml, which is refused; "
                "write that origin into `url` if it is right."
            )
        return found

    async def _read(self, response: aiohttp.ClientResponse, body: Body) -> None:
        why = "The upstream's stream ended before the answer."
        try:
            mask = self._connection.mask
            await follow_stream(
                body, self._settings, self._take, self._budget, mask, check_depth=False, parser=self._parser
            )
        except MeshError as error:
            why = error.detail
        except Exception:
            log.exception("reading an upstream's stream failed")
        finally:
            self.ended.set()
            response.close()
            for answer, _ in self._waiting.values():
                if not answer.done():
                    answer.set_exception(UpstreamBadResponse(why))
            for told in self._on_end:
                told()

    async def _take(self, message: Message, size: int) -> bool:
        if message.method is not UNSET:
            await self._hear_of(message)
        elif isinstance(message.id, int) and message.id in self._waiting:
            answer, _ = self._waiting[message.id]
            if not answer.done():
                self._budget.give_back(size + _EVENT_BYTES)
                answer.set_result(message)
        return False

    async def _hear_of(self, message: Message) -> None:
        """Progress belongs to the call that its token names; of all else the stream does not say."""
        if message.params is not UNSET:
            await _check_depth(bytes(message.params), self._settings.json_depth_max)
        hear = self.hear
        if message.method == "notifications/progress" and message.params is not UNSET:
            try:
                token = _tokens.decode(message.params).progressToken
            except msgspec.DecodeError:
                return
            if not isinstance(token, int) or token not in self._waiting:
                return
            hear = self._waiting[token][1]
        await hear(message)


async def _check_depth(text: bytes, limit: int) -> None:
    if await too_deep(text, limit):
        raise UpstreamBadResponse(f"The upstream's answer nests deeper than {limit}.")

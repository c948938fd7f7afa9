"""The answer to one request: a JSON body or an event stream, read in pieces and never past a limit.

MCP 2025-11-25 and 2026-07-28, basic/transports, "Sending messages to the server"; JSON-RPC 2.0 section 5.
"""

import re
from collections.abc import Awaitable, Callable
from typing import NoReturn

import aiohttp
from msgspec import UNSET

from shared.errors import UpstreamBadResponse, UpstreamDenied, UpstreamError, UpstreamTimeout, UpstreamTooLarge
from shared.settings import Settings
from workers.backends.mcp_http.budget import Budget
from workers.backends.mcp_http.events import EventParser
from workers.backends.mcp_protocol.message import Hear, Message, RpcError, decode_error, decode_message, result_of
from workers.egress.body import Body, BrokenBody
from workers.masking import Mask

_REFUSAL_BYTES_MAX = 64 * 1024
"""As much of the body of an HTTP error is read."""

_UNSUPPORTED_VERSION = -32022
_INVALID_REQUEST = -32600
_NOT_THE_SESSION = frozenset({-32601, -32602})
_SESSION_WORDS = re.compile(r"session|not initialized|protocol version", re.IGNORECASE)
_SESSION_GONE = re.compile(r"session (is )?(not found|terminated|unknown|expired|closed)", re.IGNORECASE)


class SessionLost(UpstreamBadResponse):
    """The upstream answered that it knows no such session (protocol version, method of HTTP); it did nothing."""


class StreamEnded(UpstreamBadResponse):
    """An event stream ended before the answer; with an event id it may be taken up again."""

    def __init__(self, last_id: str | None, retry_s: float | None) -> None:
        super().__init__("The upstream ended its stream before the answer.")
        self.last_id = last_id
        self.retry_s = retry_s


def is_stream(response: aiohttp.ClientResponse) -> bool:
    """Whether the body is an event stream."""
    return _content_type(response) == "text/event-stream"


def _content_type(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read_answer(
    response: aiohttp.ClientResponse,
    request_id: int,
    settings: Settings,
    hear: Hear,
    *,
    session: bool,
    mask: Mask,
    check_depth: bool = True,
) -> bytes:
    """The `result` of the answer to a request: a JSON object, as the upstream wrote it, but for our credential.

    `mask` takes that out; `session`: whether the request named a session; `check_depth`: False where the caller looks at
    the parts itself. Raises UpstreamError for a JSON-RPC error, SessionLost, StreamEnded, UpstreamDenied, UpstreamTooLarge
    and UpstreamBadResponse.
    """
    if response.status != 200:
        await refuse(response, settings, session=session, mask=mask)
    if is_stream(response):
        return await _read_stream(response, request_id, settings, hear, mask, check_depth=check_depth)
    if _content_type(response) != "application/json":
        raise UpstreamBadResponse("The upstream answered with a content type that is neither JSON nor an event stream.")
    body = await _body_of(response, settings, settings.upstream_answer_bytes_max).read()
    message = await decode_message(mask(body), settings.json_depth_max if check_depth else None)
    if message.id != request_id and (message.error is UNSET or isinstance(message.id, int | str)):
        raise UpstreamBadResponse("The upstream answered another request than the one that was sent.")
    return result_or_error(message, response.status)


def _body_of(response: aiohttp.ClientResponse, settings: Settings, bytes_max: int) -> Body:
    return Body(response, settings, bytes_max=bytes_max, idle_s=settings.upstream_idle_s)


def stream_of(response: aiohttp.ClientResponse, settings: Settings) -> Body:
    """The body of an event stream: how much of it is read is for a Budget to say, and silence means nothing."""
    return Body(response, settings, bytes_max=None, idle_s=None)


async def _read_stream(
    response: aiohttp.ClientResponse, request_id: int, settings: Settings, hear: Hear, mask: Mask, *, check_depth: bool
) -> bytes:
    async def hear_until_answer(message: Message, size: int) -> bool:
        if message.method is not UNSET:
            await hear(message)
            return False
        return message.id == request_id or (message.id is None and message.error is not UNSET)

    budget = Budget(settings.upstream_stream_bytes_max)
    body = stream_of(response, settings)
    answer = await follow_stream(body, settings, hear_until_answer, budget, mask, check_depth=check_depth)
    return result_or_error(answer, response.status)


async def follow_stream(
    body: Body,
    settings: Settings,
    take: Callable[[Message, int], Awaitable[bool]],
    budget: Budget,
    mask: Mask,
    *,
    check_depth: bool = True,
    parser: EventParser | None = None,
) -> Message:
    """Read a stream's messages until `take`, given each with its size, says that one is the answer; give that one.

    `parser`: who has read the beginning. Raises StreamEnded, UpstreamTooLarge, UpstreamBadResponse.
    """
    parser = parser or EventParser(settings.upstream_answer_bytes_max)
    depth_max = settings.json_depth_max if check_depth else None
    try:
        while piece := await body.next():
            budget.spend(len(piece))
            for data in parser.feed(piece):
                message = await decode_message(mask(data), depth_max)
                if message.method is not UNSET and len(data) > settings.upstream_event_bytes_max:
                    raise UpstreamTooLarge(f"The upstream sent a notification of {len(data)} bytes.")
                if await take(message, len(data)):
                    return message
    except BrokenBody as cause:
        raise StreamEnded(parser.last_id, parser.retry_s) from cause
    raise StreamEnded(parser.last_id, parser.retry_s)


def result_or_error(message: Message, status: int) -> bytes:
    """The raw `result` of an answer. Raises SessionLost, UpstreamError or UpstreamBadResponse."""
    if message.error is not UNSET:
        _raise_error(bytes(message.error), status, session=True)
    return result_of(message)


def _raise_error(text: bytes, status: int, *, session: bool) -> NoReturn:
    """Raise what a JSON-RPC error means."""
    error, whole = decode_error(text)
    if _tells_session_lost(error, status, session=session):
        raise SessionLost("The upstream does not know the session that it opened.")
    raise UpstreamError("The upstream answered with an error.", data={"error": whole})


def _tells_session_lost(error: RpcError, status: int, *, session: bool) -> bool:
    if error.code == _UNSUPPORTED_VERSION:
        return True
    if status == 404:
        return session and error.code not in _NOT_THE_SESSION
    if status == 400:
        return error.code not in _NOT_THE_SESSION and _SESSION_WORDS.search(error.message) is not None
    return status == 200 and error.code == _INVALID_REQUEST and _SESSION_GONE.search(error.message) is not None


async def refuse(response: aiohttp.ClientResponse, settings: Settings, *, session: bool, mask: Mask) -> NoReturn:
    """Raise what a status other than 200 means. `session`: whether the request named a session."""
    status = response.status
    if status in (401, 403):
        raise UpstreamDenied(f"The upstream refused our credential (HTTP {status}); the operator has to renew it.")
    if 300 <= status < 400:
        raise UpstreamBadResponse(
            f"The upstream redirects (HTTP {status}), which is not followed; write its final URL into backends.yaml."
        )
    if status >= 400 and _content_type(response) == "application/json":
        try:
            message = await decode_message(mask(await _body_of(response, settings, _REFUSAL_BYTES_MAX).read()), None)
        except (UpstreamTooLarge, UpstreamTimeout, UpstreamBadResponse):
            message = Message()
        if message.error is not UNSET:
            _raise_error(bytes(message.error), status, session=session)
    if status == 404 and session:
        raise SessionLost("The upstream does not know the session that it opened.")
    if status == 405:
        raise SessionLost("The upstream does not take requests here (any more).")
    raise UpstreamBadResponse(f"The upstream answered with HTTP {status}.")

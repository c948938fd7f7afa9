"""A JSON-RPC message of an upstream, read no further than needed (JSON-RPC 2.0 section 5)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from shared.errors import UpstreamBadResponse, UpstreamError
from shared.json_text import depth_exceeds

_INLINE_CHECK_BYTES = 256 * 1024
"""The depth of larger bodies is checked beside the event loop, or other calls would wait."""


class Message(msgspec.Struct):
    """Any JSON-RPC message of an upstream."""

    id: int | str | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: msgspec.Raw | UnsetType = UNSET
    result: msgspec.Raw | UnsetType = UNSET
    error: msgspec.Raw | UnsetType = UNSET


class RpcError(msgspec.Struct):
    """What is looked at of a JSON-RPC error."""

    code: int
    message: str


Hear = Callable[[Message], Awaitable[None]]
"""Takes what an upstream says beside the answer."""


async def ignore(message: Message) -> None:
    """Hears it, and lets it pass: where nothing that is said beside the answer matters."""


_messages = msgspec.json.Decoder(Message)
_errors = msgspec.json.Decoder(RpcError)


async def decode_message(text: bytes, depth_max: int | None) -> Message:
    """A JSON-RPC message. Raises UpstreamBadResponse."""
    try:
        if not text.isascii():
            text.decode()  # what is passed on raw must be UTF-8, which the decoder does not look at
        message = _messages.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise UpstreamBadResponse("The upstream's answer is not a JSON-RPC message.") from cause
    if depth_max is not None and await too_deep(text, depth_max):
        raise UpstreamBadResponse(f"The upstream's answer nests deeper than {depth_max}.")
    return message


async def too_deep(text: bytes, limit: int) -> bool:
    """Whether well-formed JSON nests deeper than `limit`, without making other calls wait for the answer."""
    if len(text) <= _INLINE_CHECK_BYTES:
        return depth_exceeds(text, limit)
    return await asyncio.to_thread(depth_exceeds, text, limit)


def decode_error(text: bytes) -> tuple[RpcError, dict[str, Any]]:
    """A JSON-RPC error: the part that is looked at, and the whole. Raises UpstreamBadResponse."""
    try:
        return _errors.decode(text), msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise UpstreamBadResponse("The upstream answered with an error that is not JSON-RPC's.") from cause


def result_of(message: Message) -> bytes:
    """The raw `result` of an answer. Raises UpstreamError for a JSON-RPC error, UpstreamBadResponse for neither."""
    if message.error is not UNSET:
        _, whole = decode_error(bytes(message.error))
        raise UpstreamError("The upstream answered with an error.", data={"error": whole})
    result = b"" if message.result is UNSET else bytes(message.result)
    if not result.startswith(b"{"):
        raise UpstreamBadResponse("The upstream's answer has neither a result nor an error.")
    return result

"""What the badly behaved server (`evil.py`) says beside its answers; each function writes one event stream.

They take `write` (sends bytes of the stream), the request's id and the result of a plain answer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Write = Callable[[bytes], Awaitable[None]]
Said = Callable[[Write, Any, bytes], Awaitable[None]]

ASKED_ENDLESSLY = 2_000


def event(**message: Any) -> bytes:
    """One JSON-RPC message as an event."""
    return b"data: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n"


def _answer(rid: Any, result: bytes) -> bytes:
    return b'data: {"jsonrpc":"2.0","id":%b,"result":%b}\n\n' % (json.dumps(rid).encode(), result)


async def giant_notice(write: Write, rid: Any, result: bytes) -> None:
    """A log message of 2 MiB, then the answer."""
    await write(event(method="notifications/message", params={"level": "info", "data": "x" * 2 * 1024 * 1024}))
    await write(_answer(rid, result))


async def endless_ask(write: Write, rid: Any, result: bytes) -> None:
    """Questions without end, then the answer."""
    for number in range(ASKED_ENDLESSLY):
        await write(event(id=f"q{number}", method="elicitation/create", params={"message": "?", "requestedSchema": {}}))
        if number % 100 == 0:
            await asyncio.sleep(0.01)
    await write(_answer(rid, result))


async def late_ask(write: Write, rid: Any, result: bytes) -> None:
    """The answer, and only then a question, on the same stream."""
    await write(_answer(rid, result))
    for number in range(5):
        await write(event(id=f"late{number}", method="elicitation/create", params={"message": "late?"}))
        await asyncio.sleep(0.02)


async def hasty_answer(write: Write, rid: Any, result: bytes) -> None:
    """A question, and the answer before anybody could have thought about it."""
    await write(event(id="hasty", method="elicitation/create", params={"message": "?"}) + _answer(rid, result))


async def odd_updates(write: Write, rid: Any, result: bytes) -> None:
    """Updates of resources that nobody watches, and of what is none."""
    for uri in ("note://nobody", "/" * 100_000, "", 17, None, ["note://watched"]):
        await write(event(method="notifications/resources/updated", params={"uri": uri}))
    await write(event(method="notifications/resources/updated"))
    for _ in range(50):
        await write(event(method="notifications/resources/updated", params={"uri": "note://watched/below"}))
    await write(_answer(rid, result))


async def odd_requests(write: Write, rid: Any, result: bytes) -> None:
    """Requests that are not for the client, with odd ids."""
    await write(event(id=None, method="elicitation/create", params={}))
    await write(event(id="s", method="sampling/createMessage", params={"messages": []}))
    await write(event(id="t", method="tools/call", params={"name": "x"}))
    await write(event(method="notifications/cancelled", params={"requestId": [1]}))
    await write(event(method="notifications/cancelled", params={"requestId": "nothing"}))
    await write(_answer(rid, result))


BESIDE: dict[str, Said] = {
    said.__name__: said for said in (giant_notice, endless_ask, late_ask, hasty_answer, odd_updates, odd_requests)
}

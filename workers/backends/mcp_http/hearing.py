"""What an upstream says beside an answer: progress, changed tools, requests of its own."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import UNSET

from workers.backends.mcp_http.answer import Message

_params = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode

_REFUSAL = b'"error":{"code":-32601,"message":"Method not found"}'
"""Sampling, elicitation and roots: we announce none of them, so nobody may ask for them."""


class Hearing:
    """One stream's listener. Await it with each message that has a method; it never raises for what was said."""

    def __init__(
        self,
        *,
        changed: Callable[[], None],
        requests_max: int,
        reply: Callable[[bytes], Awaitable[None]] | None = None,
        report: Callable[[bytes], None] | None = None,
        token: int = 0,
        progress_per_s_max: int = 1,
    ) -> None:
        self._changed = changed
        self._reply = reply
        self._requests_left = requests_max
        self._report = report
        self._token = b"%d" % token
        self._progress_per_s_max = progress_per_s_max
        self._second = 0
        self._reported = 0
        self.dropped = 0
        """Progress events over the rate, and messages of no use to us."""

    async def __call__(self, message: Message) -> None:
        """Take one message."""
        if message.id is not UNSET:
            await self._answer(message)
        elif message.method == "notifications/progress" and self._report is not None:
            self._relay(message)
        elif message.method == "notifications/tools/list_changed":
            self._changed()
        else:
            self.dropped += 1

    def _relay(self, message: Message) -> None:
        try:
            params = _params.decode(message.params) if message.params is not UNSET else {}
        except msgspec.DecodeError:
            params = {}
        token = params.pop("progressToken", None)
        if token is None or bytes(token) != self._token or self._over_rate():
            self.dropped += 1
            return
        assert self._report is not None
        self._report(_encode(params))

    def _over_rate(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second = second
            self._reported = 0
        self._reported += 1
        return self._reported > self._progress_per_s_max

    async def _answer(self, message: Message) -> None:
        """Answer a request of the upstream (2025 era): `ping` with a result, all others with an error."""
        if self._reply is None or self._requests_left <= 0:
            self.dropped += 1
            return
        self._requests_left -= 1
        outcome = b'"result":{}' if message.method == "ping" else _REFUSAL
        await self._reply(b'{"jsonrpc":"2.0","id":%b,%b}' % (_encode(message.id), outcome))

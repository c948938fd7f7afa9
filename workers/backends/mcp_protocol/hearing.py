"""What a server says beside an answer: progress, log messages, changes, and requests of its own to the client."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from msgspec import UNSET

from shared.log_levels import ALL, severity_of
from workers.backends.backend import Ask
from workers.backends.mcp_protocol.message import Message

log = structlog.get_logger()

_params = msgspec.json.Decoder(dict[str, msgspec.Raw])
_uris = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode

_REFUSAL = b'"error":{"code":-32601,"message":"Method not found"}'
_LIST_CHANGED = frozenset(
    {
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
    }
)
_ASKED_AT_ONCE_MAX = 8
"""Requests of one stream that may wait for the client's answer together."""
_RENEWED_S = 60.0


class _Cancelled(msgspec.Struct):
    requestId: int | str  # noqa: N815 (MCP's name)


_cancelled = msgspec.json.Decoder(_Cancelled)


class Hearing:
    """One stream's listener. Await it with each message that has a method; it never raises for what was said.

    `reply` sends a message back to the server; `report`, `notify` and `ask` are those of the invocation that the stream
    belongs to, and absent where it belongs to none: then nothing is relayed, and every request but `ping` is refused.
    `least_severe` is the rank of the log messages that are relayed (`log_levels`). `requests_max` counts for the whole
    stream, or for a minute of a stream that is `endless`.
    """

    def __init__(
        self,
        *,
        changed: Callable[[], None],
        updated: Callable[[str], None] = lambda uri: None,
        requests_max: int,
        reply: Callable[[bytes], Awaitable[None]] | None = None,
        report: Callable[[bytes], None] | None = None,
        notify: Callable[[str, bytes], None] | None = None,
        ask: Ask | None = None,
        token: int = 0,
        progress_per_s_max: int = 1,
        least_severe: int = ALL,
        endless: bool = False,
    ) -> None:
        self._changed = changed
        self._updated = updated
        self._reply = reply
        self._requests_max = requests_max
        self._requests_left = requests_max
        self._renews_at = asyncio.get_running_loop().time() + _RENEWED_S if endless else float("inf")
        self._report = report
        self._notify = notify
        self._ask = ask
        self._token = b"%d" % token
        self._per_s_max = progress_per_s_max
        self._second = 0
        self._relayed = 0
        self._least_severe = least_severe
        self._asking: dict[int | str, asyncio.Task[None]] = {}
        self.dropped = 0
        """Events over the rate, and messages of no use to us."""

    async def __call__(self, message: Message) -> None:
        """Take one message."""
        method = message.method
        if message.id is not UNSET:
            await self._answer(message)
        elif method == "notifications/progress" and self._report is not None:
            self._relay_progress(message, self._report)
        elif method in _LIST_CHANGED:
            self._changed()
        elif method == "notifications/resources/updated":
            self._tell_updated(message)
        elif method == "notifications/message" and self._notify is not None:
            self._relay_log(method, message, self._notify)
        elif method == "notifications/cancelled":
            self._give_up(message)
        elif method == "notifications/elicitation/complete" and self._ask is not None and self._notify is not None:
            if not self._over_rate():
                self._notify(method, _raw(message))
        else:
            self.dropped += 1

    async def close(self) -> None:
        """The stream is over: what still waits for the client's answer is given up."""
        self._requests_left = 0
        self._renews_at = float("inf")
        if not self._asking:
            return
        waiting = list(self._asking.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _relay_log(self, method: str, message: Message, notify: Callable[[str, bytes], None]) -> None:
        params = _raw(message)
        if (self._least_severe != ALL and severity_of(params) < self._least_severe) or self._over_rate():
            self.dropped += 1
            return
        notify(method, params)

    def _give_up(self, message: Message) -> None:
        """The server no longer wants the answer to a request of its own."""
        try:
            task = self._asking.get(_cancelled.decode(_raw(message)).requestId)
        except msgspec.DecodeError:
            task = None
        if task is not None:
            task.cancel()
        else:
            self.dropped += 1

    def _relay_progress(self, message: Message, report: Callable[[bytes], None]) -> None:
        try:
            params = _params.decode(_raw(message))
        except msgspec.DecodeError:
            params = {}
        token = params.pop("progressToken", None)
        if token is None or bytes(token) != self._token or self._over_rate():
            self.dropped += 1
            return
        report(_encode(params))

    def _tell_updated(self, message: Message) -> None:
        try:
            self._updated(msgspec.json.decode(_uris.decode(_raw(message))["uri"], type=str))
        except (msgspec.DecodeError, KeyError):
            self.dropped += 1

    def _over_rate(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second = second
            self._relayed = 0
        self._relayed += 1
        return self._relayed > self._per_s_max

    async def _answer(self, message: Message) -> None:
        """Answer a request of the server (2025 era): `ping` with a result, what the client may be asked with its answer."""
        asked = message.id
        if self._reply is None or not isinstance(asked, int | str) or not self._may_request():
            self.dropped += 1
        elif message.method == "ping":
            await self._send(self._reply, message, b'"result":{}')
        elif self._ask is None or len(self._asking) >= _ASKED_AT_ONCE_MAX or asked in self._asking:
            await self._send(self._reply, message, _REFUSAL)
        else:
            # The stream is read on while the client thinks.
            task = asyncio.create_task(self._pass_on(message, self._reply, self._ask))
            self._asking[asked] = task
            task.add_done_callback(lambda _: self._asking.pop(asked, None))
            await asyncio.sleep(0)  # it is asked before what comes next is relayed

    def _may_request(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now >= self._renews_at:
            self._renews_at = now + _RENEWED_S
            self._requests_left = self._requests_max
        self._requests_left -= 1
        return self._requests_left >= 0

    async def _pass_on(self, message: Message, reply: Callable[[bytes], Awaitable[None]], ask: Ask) -> None:
        try:
            answer = await ask(str(message.method), _raw(message))
            await self._send(reply, message, answer.strip()[1:-1])
        except Exception:
            log.exception("a request of an upstream was not answered", method=message.method)

    @staticmethod
    async def _send(reply: Callable[[bytes], Awaitable[None]], message: Message, outcome: bytes) -> None:
        await reply(b'{"jsonrpc":"2.0","id":%b,%b}' % (_encode(message.id), outcome))


def _raw(message: Message) -> bytes:
    return b"{}" if message.params is UNSET else bytes(message.params)

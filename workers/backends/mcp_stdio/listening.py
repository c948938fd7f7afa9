"""What a server writes: answers to who asked, notifications to the call that they belong to, nonsense to nobody.

A server can't make us work or remember more than a little: lines are bounded, the pipe is read no faster than the
messages are of use to somebody, and who writes too much that is no message at all is ended.
"""

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from msgspec import UNSET

from shared.configuration import Relayed
from shared.errors import UpstreamBadResponse, UpstreamTooLarge
from shared.settings import Settings
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import Message, decode_message, too_deep
from workers.backends.mcp_stdio.conversation import Conversation
from workers.backends.mcp_stdio.environment import ServerEnvironment
from workers.backends.mcp_stdio.lines import LineReader
from workers.backends.mcp_stdio.throttle import Throttle
from workers.client import RELAYED_METHODS
from workers.masking import Mask

log = structlog.get_logger()

_AT_ONCE_BYTES = 256 * 1024
_AT_ONCE_LINES = 32
"""After so much, other work of the event loop has its turn."""
_LINE_BYTES = 64
"""What an empty line counts for."""
_SHOWN_CHARACTERS = 200


class Nonsense(Exception):
    """The server writes what is not the protocol, too much of it."""


class _Progress(msgspec.Struct):
    progressToken: int | str | None = None  # noqa: N815 (MCP's name)


_progress = msgspec.json.Decoder(_Progress)


class Listening:
    """Reads the stdout of one server."""

    def __init__(
        self,
        conversation: Conversation,
        stdout: LineReader,
        environment: ServerEnvironment,
        settings: Settings,
        relay: tuple[Relayed, ...],
        *,
        changed: Callable[[], None],
        updated: Callable[[str], None],
    ) -> None:
        self._conversation = conversation
        self._stdout = stdout
        self._environment = environment
        self._settings = settings
        self._mask = Mask(lambda: environment.secrets)
        self._relayed = frozenset(method for method, kind in RELAYED_METHODS.items() if kind in relay)
        self._changed = changed
        self._updated = updated
        self._garbage_bytes = 0
        self._strays = Throttle(settings.stdio_strays_per_s_max)
        self._complaints = Throttle(1)
        self._background = self._new_background()
        self._background_until = 0.0

    async def run(self) -> None:
        """Until the server closes its stdout. Raises Nonsense when it has to be ended."""
        lines = handled = 0
        while True:
            try:
                line = await self._stdout.line()
            except UpstreamTooLarge as error:
                raise Nonsense(f"it wrote a line of more than {self._settings.upstream_answer_bytes_max} bytes") from error
            if line is None:
                return
            if not await self._take(self._mask(line)):
                await self._strays.pace()
            lines += 1
            handled += len(line)
            if lines >= _AT_ONCE_LINES or handled >= _AT_ONCE_BYTES:
                lines = handled = 0
                await asyncio.sleep(0)

    async def _take(self, line: bytes) -> bool:
        """Take one line; False where a message was of use to nobody. Raises Nonsense."""
        try:
            message = await decode_message(line, None)
        except UpstreamBadResponse:
            message = Message()
        if message.method is UNSET and (message.id is UNSET or (message.result is UNSET and message.error is UNSET)):
            self._take_garbage(line)
            return True
        self._garbage_bytes = 0
        self._conversation.heard += 1
        if message.method is UNSET:
            return self._conversation.answered(message)
        if len(line) > self._settings.upstream_event_bytes_max or await too_deep(line, self._settings.json_depth_max):
            self._complain("a notification is too large or too deep and is dropped", method=message.method[:64])
            return False
        return await self._hear(message)

    async def _hear(self, message: Message) -> bool:
        """Give a notification, or a request of the server, to the call that it belongs to."""
        hearing = self._hearing_of(message)
        if hearing is None:
            hearing = self._current_background()
        dropped = hearing.dropped
        await hearing(message)
        return hearing is not self._background and hearing.dropped == dropped

    def _hearing_of(self, message: Message) -> Hearing | None:
        calls = self._conversation.calls
        if message.method == "notifications/progress":
            token = _token_of(message)
            pending = calls.get(token) if isinstance(token, int) else None
            return pending.hearing if pending is not None else None
        if message.method == "notifications/message" or (message.id is not UNSET and message.method in self._relayed):
            # Nothing says which call it is about: with one call there is only one answer to that.
            return next(iter(calls.values())).hearing if len(calls) == 1 else None
        return None

    def _current_background(self) -> Hearing:
        """Who listens to what belongs to no call. A server may ask us so much a second, not in its whole life."""
        now = asyncio.get_running_loop().time()
        if now >= self._background_until:
            self._background_until = now + 1
            self._background = self._new_background()
        return self._background

    def _new_background(self) -> Hearing:
        return Hearing(
            changed=self._changed,
            updated=self._updated,
            requests_max=self._settings.upstream_requests_max,
            reply=self._conversation.reply,
        )

    def _take_garbage(self, line: bytes) -> None:
        self._garbage_bytes += len(line) + _LINE_BYTES
        if line.strip():
            shown = self._environment.mask(line[:4096].decode("utf-8", "replace"))[:_SHOWN_CHARACTERS]
            self._complain("a line on stdout is not JSON-RPC and is dropped", line=shown)
        if self._garbage_bytes > self._settings.stdio_garbage_bytes_max:
            raise Nonsense(f"it wrote {self._garbage_bytes} bytes to stdout that are not JSON-RPC")

    def _complain(self, event: str, **facts: object) -> None:
        if self._complaints.allows():
            log.warning(event, backend=self._conversation.backend, not_said=self._complaints.refused, **facts)
            self._complaints.refused = 0


def _token_of(message: Message) -> int | str | None:
    if message.params is UNSET:
        return None
    try:
        return _progress.decode(message.params).progressToken
    except msgspec.DecodeError:
        return None

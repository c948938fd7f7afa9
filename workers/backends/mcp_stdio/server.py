"""One server that is kept running: started, greeted, ended when it misbehaves, started again with a growing pause."""

import asyncio
import random
from contextlib import suppress

import structlog

from shared.configuration import BackendEntry
from shared.errors import MeshError, UpstreamError, UpstreamUnreachable
from shared.settings import Settings
from workers.backends.mcp_stdio.changes import Changes
from workers.backends.mcp_stdio.conversation import Conversation
from workers.backends.mcp_stdio.diary import keep_diary, raw_line_bytes_max
from workers.backends.mcp_stdio.environment import ServerEnvironment
from workers.backends.mcp_stdio.handshake import shake_hands
from workers.backends.mcp_stdio.limits import Limits
from workers.backends.mcp_stdio.listening import Listening, Nonsense
from workers.backends.mcp_stdio.process import Process, start_process
from workers.backends.mcp_stdio.watching import Watching

log = structlog.get_logger()

_FIRST_PAUSE_S = 0.2
_STEADY_S = 10.0
"""A server that was ready for this long is started again with the shortest pause."""
_LAST_WORDS_S = 0.5
"""How long is waited for the rest of its output, and for how it ended, of a server that is ending."""


class Server:
    """One place of a backend's pool, with the process that fills it just now."""

    def __init__(
        self, entry: BackendEntry, settings: Settings, limits: Limits, environment: ServerEnvironment, changes: Changes
    ) -> None:
        self._entry = entry
        self._settings = settings
        self._limits = limits
        self._environment = environment
        self._changes = changes
        self.conversation: Conversation | None = None
        """The one that takes requests; None while the server is not ready."""
        self.reason = "The server has not been started yet."
        """Why it is not ready."""
        self.load = 0
        """Calls that are in flight, or wait for their turn."""
        self.turn = asyncio.Lock()
        """Held by the one call that a server takes at a time, where it may ask the client."""
        self.watching = Watching(settings)
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()
        self._closing = asyncio.Event()
        self._verdict: asyncio.Future[str] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._doubt: asyncio.Task[None] | None = None
        self._attempts = 0

    def start(self) -> None:
        """Start it, and keep it running from now on."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self.watching.keep())]

    async def close(self) -> None:
        """Stop it in order; nothing of it is left."""
        self._closing.set()
        self._judge("the worker stops")
        if self._tasks:
            await asyncio.gather(self._tasks[0], return_exceptions=True)
        leaving = [*self._tasks, *([self._doubt] if self._doubt else [])]
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def ready(self) -> Conversation:
        """Wait until it takes requests."""
        while self.conversation is None:
            await self._ready.wait()
        return self.conversation

    async def settled(self) -> Conversation:
        """Wait for the outcome of the first start. Raises UpstreamUnreachable, with the reason, while it is not ready."""
        await self._settled.wait()
        if self.conversation is None:
            raise UpstreamUnreachable(self.reason)
        return self.conversation

    def doubt(self, conversation: Conversation) -> None:
        """A call's time went by in silence: see whether the server still answers anything at all."""
        if self._doubt is None or self._doubt.done():
            self._doubt = asyncio.create_task(self._check(conversation))

    async def _check(self, conversation: Conversation) -> None:
        heard = conversation.heard
        try:
            async with asyncio.timeout(self._limits.start_s):
                await conversation.ask("server/discover" if conversation.modern else "ping")
        except TimeoutError:
            if conversation.heard == heard and conversation is self.conversation:
                self._judge("it answered neither a call in the call's time nor a ping")
        except MeshError as error:
            log.debug("a doubtful server answered", backend=self._entry.name, answer=error.detail)

    def _judge(self, reason: str) -> None:
        """The running process is to end for this reason; "": it has ended, or is about to, by itself."""
        if self._verdict is not None and not self._verdict.done():
            self._verdict.set_result(reason)

    def _ended_by_itself(self) -> None:
        self._judge("")

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            ready_at: float | None = None
            try:
                ready_at = await self._live_once()
            except MeshError as error:
                self.reason = error.detail
            except Exception:
                self.reason = "The server failed inside ToolMesh; see the worker's log."
                log.exception("keeping a stdio server failed", backend=self._entry.name)
            if self._closing.is_set():
                return
            self._settled.set()
            if ready_at is None:
                self._changes.lists_changed()  # whoever lists now learns why it is not there
            elif loop.time() - ready_at >= _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            wait_s = pause_s * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
            log.warning(
                "a stdio server is started again", backend=self._entry.name, reason=self.reason, pause_s=round(wait_s, 2)
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()
            pause_s = min(pause_s * 2, self._settings.stdio_restart_s_max)

    async def _live_once(self) -> float | None:
        """From the start to the end of one process; gives when it was ready, None where it never was.

        Raises UpstreamUnreachable where it can't be started.
        """
        self._attempts += 1
        process = await start_process(
            self._entry.command or "",
            self._entry.args,
            self._environment.variables,
            self._settings,
            memory_mib=self._limits.memory_mib,
            stderr_bytes_max=raw_line_bytes_max(self._environment, self._settings),
        )
        log.info("a stdio server is started", backend=self._entry.name, keeper=process.pid)
        conversation = Conversation(self._entry.name, process.stdin)
        self._verdict = asyncio.get_running_loop().create_future()
        process.stdin.on_closed = self._ended_by_itself
        reading = asyncio.create_task(self._read(conversation, process))
        beside = [
            reading,
            asyncio.create_task(keep_diary(self._entry.name, process.stderr, self._environment, self._settings)),
            asyncio.create_task(self._wait_for_end(process)),
        ]
        greeting = asyncio.create_task(self._greet(conversation))
        try:
            if self._closing.is_set():
                self._judge("the worker stops")
            reason = await self._verdict
            self.conversation = None
            self._ready.clear()
            self.watching.attach(None)
            if not reason:
                await asyncio.wait([reading, beside[2]], timeout=_LAST_WORDS_S)
                reason = process.ending() or "it closed its stdin or stdout"
            conversation.end(reason)
        finally:
            await (process.stop() if self._closing.is_set() else process.kill())
            for task in (greeting, *beside):
                task.cancel()
            await asyncio.gather(greeting, *beside, return_exceptions=True)
        self.reason = f"The server of backend {self._entry.name!r} is not running: {reason}."
        return None if greeting.cancelled() or greeting.exception() is not None else greeting.result()

    async def _read(self, conversation: Conversation, process: Process) -> None:
        listening = Listening(
            conversation,
            process.stdout,
            self._environment,
            self._settings,
            self._entry.relay,
            changed=self._changes.lists_changed,
            updated=self._changes.resource_changed,
        )
        try:
            await listening.run()
        except Nonsense as nonsense:
            self._judge(str(nonsense))
        except Exception:
            log.exception("reading a stdio server failed", backend=self._entry.name)
            self._judge("reading it failed inside ToolMesh; see the worker's log")
        else:
            self._judge("")

    async def _wait_for_end(self, process: Process) -> None:
        await process.ended.wait()
        self._ended_by_itself()

    async def _greet(self, conversation: Conversation) -> float:
        """Shake hands, and let calls in; gives when."""
        try:
            async with asyncio.timeout(self._limits.start_s):
                await shake_hands(conversation, self._entry.relay)
        except TimeoutError:
            self._judge(f"it did not answer the handshake in {self._limits.start_s:g} s")
            raise
        except UpstreamUnreachable:
            self._judge("")
            raise
        except UpstreamError as error:
            self._judge(f"it refused the handshake ({error.data})")
            raise
        except MeshError as error:
            self._judge(f"it has to be ended, because {error.detail}")
            raise
        self.conversation = conversation
        self._ready.set()
        self._settled.set()
        self.watching.attach(conversation)
        if self._attempts > 1:
            self._changes.lists_changed()
        log.info("a stdio server is ready", backend=self._entry.name, modern=conversation.modern)
        return asyncio.get_running_loop().time()

"""One pipelined connection to the broker: the seam through which a role talks to Redis.

Commands of one tick of the event loop leave in one write; replies are matched in order. The connection itself (TLS,
authentication, RESP) is redis-py's. A lost connection fails everything that was pending as `BrokerUnavailable`: what was
sent may or may not have happened, so only commands that may be sent again are sent again, by whoever sent them.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError, ResponseError

from shared.errors import BrokerUnavailable

log = structlog.get_logger()

_AWAY_REPLIES = ("LOADING", "READONLY", "MASTERDOWN", "OOM", "MISCONF", "CLUSTERDOWN", "NOREPLICAS")
CONNECTION_LOST = (RedisError, OSError, TimeoutError, RuntimeError)
"""What a lost connection looks like; RuntimeError is uvloop's for a write to a transport that is closed already."""
_BACK_OFF_S_MAX = 1.0
_PING_S = 0.5


class RedisLine:
    """Pipelined commands over one connection that is opened again when it breaks."""

    def __init__(self, url: str, *, pending_max: int, timeout_s: float) -> None:
        self._pool = ConnectionPool.from_url(url, socket_connect_timeout=timeout_s)
        self._pending_max = pending_max
        self._timeout_s = timeout_s
        self._connection: AbstractConnection | None = None
        self._outgoing: list[tuple[Any, ...]] = []
        self._pending: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        """Said beside the cancellation, which a task group that fails in the same moment lets go of."""
        self.epoch = ""
        """The run id of the server at the other end: another one after a restart. Empty while there is no connection."""
        self.connected_at = 0.0
        """Loop time of the last connect."""
        self.on_connect: list[Callable[[], Awaitable[None]]] = []
        """Awaited after each connect, before the line counts as connected to its users."""

    @property
    def connected(self) -> bool:
        """Whether the broker answered lately."""
        return self._connection is not None

    async def open(self) -> None:
        """Connect, unless that was done before: an open line connects again by itself. Raises BrokerUnavailable when the
        broker can't be reached now."""
        if self._task is not None and not self._task.done():
            return
        loop = asyncio.get_running_loop()
        first: asyncio.Future[None] = loop.create_future()
        self._closing = False
        self._task = loop.create_task(self._run(first), name="redis-line")
        try:
            await first
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close; whatever is pending fails."""
        if self._task is not None:
            self._closing = True
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._pool.disconnect()

    def cmd(self, *args: Any) -> asyncio.Future[Any]:
        """Send a command; the future gives its reply (bytes are not decoded).

        Fails with BrokerUnavailable when the broker is away or too much is pending, with ResponseError on an error reply.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._connection is None:
            future.set_exception(BrokerUnavailable("The broker can't be reached. Try again shortly.", retry_after_s=2))
        elif len(self._pending) >= self._pending_max:
            future.set_exception(BrokerUnavailable("Too many commands wait for the broker.", retry_after_s=1))
        else:
            self._pending.append((future, asyncio.get_running_loop().time()))
            self._outgoing.append(args)
            self._wake.set()
        return future

    def send(self, *args: Any) -> None:
        """Send a command whose reply nobody waits for; what goes wrong with it is only written to the log."""
        self.cmd(*args).add_done_callback(_log_failure)

    async def _run(self, first: asyncio.Future[None]) -> None:
        back_off_s = 0.05
        while True:
            connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                async with asyncio.timeout(self._timeout_s):
                    self.epoch = await _run_id(connection)
                self._connection = connection
                self.connected_at = asyncio.get_running_loop().time()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write(connection))
                    tasks.create_task(self._read(connection))
                    tasks.create_task(self._watch())
                    for greet in self.on_connect:
                        await greet()
                    back_off_s = 0.05
                    if not first.done():
                        first.set_result(None)
            except* (*CONNECTION_LOST, BrokerUnavailable) as group:
                cause = group.exceptions[0]
                if not first.done():
                    gone = BrokerUnavailable("The broker can't be reached. Is it running, and is REDIS_URL right?")
                    gone.__cause__ = cause
                    first.set_exception(gone)
                else:
                    log.warning("broker connection lost", reason=type(cause).__name__)
            except* Exception as group:
                # A reply that no parser expects, for instance: a line that ends for good would be a silence for ever.
                if not first.done():
                    first.set_exception(group.exceptions[0])
                log.exception("broker connection failed")
            finally:
                self._drop()
                await connection.disconnect(nowait=True)
            if (first.done() and first.exception() is not None) or self._closing:
                return
            await asyncio.sleep(back_off_s * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)
            back_off_s = min(back_off_s * 2, _BACK_OFF_S_MAX)

    def _drop(self) -> None:
        self._connection = None
        self.epoch = ""
        self._outgoing.clear()
        pending, self._pending = self._pending, deque()
        for future, _ in pending:
            if not future.done():
                future.set_exception(BrokerUnavailable("The broker went away in mid-request.", retry_after_s=2))
                future.exception()  # its user may be gone: nobody has to fetch it

    async def _write(self, connection: AbstractConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._outgoing = self._outgoing, []
            if batch:
                await connection.send_packed_command(connection.pack_commands(batch), check_health=False)

    async def _read(self, connection: AbstractConnection) -> None:
        read = connection.read_response
        while True:
            reply: Any
            try:
                reply = await read(disable_decoding=True)
            except ResponseError as error:
                reply = error
            if not self._pending:
                raise BrokerUnavailable("The broker answered what was not asked.")
            future, _ = self._pending.popleft()
            if future.done():
                continue
            if not isinstance(reply, ResponseError):
                future.set_result(reply)
            elif str(reply).startswith(_AWAY_REPLIES) or type(reply).__name__ in (
                "BusyLoadingError",
                "ReadOnlyError",
            ):
                away = BrokerUnavailable("The broker can't take this now.", retry_after_s=2)
                away.__cause__ = reply
                future.set_exception(away)
            else:
                future.set_exception(reply)

    async def _watch(self) -> None:
        """Ping an idle broker, and give up a connection that answers nothing (a half-open one never ends by itself)."""
        loop = asyncio.get_running_loop()
        ping: asyncio.Future[Any] | None = None
        while True:
            await asyncio.sleep(min(_PING_S, self._timeout_s / 2))
            if self._pending and loop.time() - self._pending[0][1] > self._timeout_s:
                raise TimeoutError
            if not self._pending and (ping is None or ping.done()):
                ping = self.cmd("PING")
                ping.add_done_callback(_forget_outcome)


async def _run_id(connection: AbstractConnection) -> str:
    """The server's run id, which is a new one after each start (INFO, section `server`)."""
    await connection.send_command("INFO", "server")
    said: bytes = await connection.read_response(disable_decoding=True)
    for line in said.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"run_id":
            return value.decode("ascii", "replace")
    raise BrokerUnavailable("The broker does not say its run id (INFO server).")


def _forget_outcome(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


def _log_failure(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("command not done", reason=type(error).__name__)

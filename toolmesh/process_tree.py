"""The processes of `toolmesh up`: the order in which they start and stop, and nothing left behind."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

from redis.exceptions import RedisError

from shared.errors import ConfigurationError
from shared.functions import answer_requests, load_functions
from toolmesh.broker import wait_for_broker
from toolmesh.child import Child
from toolmesh.console import say

_ROLES_STOP_S = 9.0
_BROKER_STOP_S = 0.7
"""Together under the ten seconds that stopping may take."""
_AGAIN_S = 0.1


class ProcessTree:
    """Broker (where it is ours), edge and workers."""

    def __init__(self, redis_url: str, broker: Child | None, roles: Sequence[Child]) -> None:
        self._redis_url = redis_url
        self._broker = broker
        self._roles = roles
        self._stop = asyncio.Event()
        self._tasks: dict[Child, asyncio.Task[None]] = {}
        self._functions: asyncio.Task[None] | None = None
        self._refused: BaseException | None = None

    def listen_to_signals(self) -> None:
        """The first SIGINT, SIGTERM or SIGHUP stops in order; a further one kills at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            say("killing what is left")
            for child in self._everybody():
                child.stop(signal.SIGKILL)
        self._stop.set()

    async def start(self) -> None:
        """Start everything. Raises ConfigurationError when the broker can't be used; returns early when told to stop."""
        if self._broker is not None:
            self._keep(self._broker)
        await self.run_until_stopped(self.load_functions())
        if self._stop.is_set():
            return
        self._functions = asyncio.create_task(answer_requests(self._redis_url))
        for role in self._roles:
            self._keep(role)

    async def load_functions(self) -> None:
        """Wait for the broker and load the functions. Raises ConfigurationError, never with the URL (passwords)."""
        try:
            await wait_for_broker(self._redis_url)
            await load_functions(self._redis_url)
        except (RedisError, OSError) as cause:
            raise ConfigurationError(
                f"The broker takes no functions ({type(cause).__name__}). It must be Redis or Valkey 7 or newer."
            ) from cause

    async def wait(self) -> None:
        """Wait until a signal says stop. Raises ConfigurationError when a child refused its configuration."""
        await self._stop.wait()
        if self._refused is not None:
            raise self._refused

    async def stop(self) -> None:
        """End all in order: edge and workers drain, then the broker; whatever is left is killed."""
        self._stop.set()
        if self._functions is not None:
            self._functions.cancel()
        await self._end([role for role in self._roles if role in self._tasks], _ROLES_STOP_S)
        if self._broker is not None and self._broker in self._tasks:
            await self._end([self._broker], _BROKER_STOP_S)
        left: list[asyncio.Task[None]] = [*self._tasks.values(), *([self._functions] if self._functions else [])]
        await asyncio.gather(*left, return_exceptions=True)

    def _everybody(self) -> list[Child]:
        return [*self._roles, *filter(None, [self._broker])]

    def _keep(self, child: Child) -> None:
        task = self._tasks[child] = asyncio.create_task(child.keep_running(), name=child.name)
        task.add_done_callback(self._on_end)

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._refused = self._refused or error
            self._stop.set()

    async def run_until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that the stop cuts short. Raises what it raises, or what a child refused to start for."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            if self._refused is not None:
                raise self._refused
            if task.done():
                await task
        finally:
            await _cancel(task, stopped)

    async def _end(self, children: Sequence[Child], wait_s: float) -> None:
        for child in children:
            child.stop(signal.SIGTERM)
        tasks = [self._tasks[child] for child in children]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=wait_s)
        for child in children:
            if self._tasks[child] in late:
                say(f"{child.name} did not stop in {wait_s:g} s and is killed")
                child.stop(signal.SIGKILL)
        if late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.gather(*late, return_exceptions=True)


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel, and again until they have ended: a connection to the broker that is being made may swallow it."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)

"""One connection of a worker to the sandbox service: what it and its child say is passed on, until one of them is done."""

import asyncio
from contextlib import suppress
from typing import Any

from shared.errors import ConfigurationError, MeshError, SandboxCrashed, SandboxUnavailable
from workers.children import frames
from workers.children.child import ChildProcess
from workers.children.frames import FrameError
from workers.children.pool import Pool
from workers.children.service_words import FRAME_ROOM_BYTES, WORD, Wish, error_word, wish_of

_WISH_S = 5.0
"""How long a worker may take to say what it wants."""


class _Over(Exception):
    """The worker is gone, or wants no more of this child, in mid-run."""


class Visit:
    """Mutable: what is being waited for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message_bytes_max: int) -> None:
        self._reader = reader
        self._writer = writer
        self._frame_bytes_max = message_bytes_max + FRAME_ROOM_BYTES
        self._hearing: asyncio.Task[dict[str, Any]] | None = None
        self._telling: asyncio.Task[dict[str, Any]] | None = None
        self._has_child = False

    async def run(self, pool: Pool) -> None:
        """From the wish to the end; never raises but when it is cancelled."""
        try:
            async with asyncio.timeout(_WISH_S):
                wish = wish_of(await frames.receive(self._reader, FRAME_ROOM_BYTES))
            await self._unless_gone(pool, wish)
        except ConfigurationError as error:
            await self.refuse(SandboxUnavailable(error.detail))  # a worker of another release, perhaps
        except MeshError as error:
            await self.refuse(error)
        except (_Over, EOFError, OSError, FrameError):
            return  # the worker is gone, or says what is no message
        finally:
            await self._end(self._hearing, self._telling)
            self._writer.close()

    async def refuse(self, error: MeshError) -> None:
        """Tell the worker that there is nothing to be had, or how it ended."""
        with suppress(OSError):
            await self._say(error_word(error))

    async def _unless_gone(self, pool: Pool, wish: Wish) -> None:
        """Wait for the child no longer than the worker does."""
        hearing = self._hear()
        block = asyncio.create_task(self._block(pool, wish))
        try:
            await asyncio.wait((hearing, block), return_when=asyncio.FIRST_COMPLETED)
            if not (self._has_child or block.done()) and hearing.exception() is not None:
                raise _Over
            await block
        finally:
            await self._end(block)

    async def _block(self, pool: Pool, wish: Wish) -> None:
        async with pool.child(wish.engine, wish.tenant, wish.budget_s, wait_s=wish.wait_s, worker=wish.worker) as child:
            self._has_child = True
            await self._say({WORD: {"given": child.given, "refused": child.refused}})
            await self._pass_on(child)

    async def _pass_on(self, child: ChildProcess) -> None:
        """Until the worker closes the connection; a child that has nothing to say is not listened to."""
        while True:
            hearing = self._hearing or self._hear()
            if child.busy and self._telling is None:
                self._telling = asyncio.create_task(child.receive())
            awaited = [hearing] if self._telling is None else [hearing, self._telling]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._telling is not None and self._telling.done():
                telling, self._telling = self._telling, None
                await self._say_of_child(telling.result())
            if hearing.done():
                self._hearing = None
                if not await self._heard(hearing, child):
                    return

    async def _heard(self, hearing: asyncio.Task[dict[str, Any]], child: ChildProcess) -> bool:
        """Give the child what the worker said; False at the end of a connection that may end now."""
        try:
            message = hearing.result()
        except (EOFError, OSError) as cause:
            if child.busy:
                raise _Over from cause
            return False
        if WORD in message:
            raise _Over
        await child.send(message)
        return True

    async def _say_of_child(self, message: dict[str, Any]) -> None:
        if WORD in message:
            raise SandboxCrashed("The sandbox said something that only its service may say, and was ended.")
        await self._say(message)

    async def _say(self, message: dict[str, Any]) -> None:
        self._writer.write(frames.pack(message, self._frame_bytes_max))
        await self._writer.drain()

    def _hear(self) -> asyncio.Task[dict[str, Any]]:
        self._hearing = asyncio.create_task(frames.receive(self._reader, self._frame_bytes_max))
        return self._hearing

    @staticmethod
    async def _end(*tasks: asyncio.Task[Any] | None) -> None:
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

"""Children of a sandbox service, over its unix socket: the same to who uses them as children of this process."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.errors import MeshError, SandboxCrashed, SandboxTimeout, SandboxUnavailable
from shared.settings import Settings
from workers.children import frames
from workers.children.frames import FrameError
from workers.children.service_words import FRAME_ROOM_BYTES, KILL, WORD, Wish, error_of

_AGAIN_S = 0.05
"""Between two tries to connect."""
_GRACE_S = 0.06
"""How much later than the service this side ends a run: the service knows better how it ended."""
_WORD_S = 1.0


class RemoteChild:
    """One child, as long as the connection is there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frame_bytes_max: int) -> None:
        self._reader = reader
        self._writer = writer
        self._frame_bytes_max = frame_bytes_max
        self.given: dict[str, list[str]] = {}
        self.refused: dict[str, str] = {}
        self._killed = False

    async def send(self, message: dict[str, Any]) -> None:
        """See `Child`."""
        await self._write(frames.pack(message, self._frame_bytes_max))

    async def _write(self, frame: bytes) -> None:
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except OSError as cause:
            raise self._gone() from cause

    async def receive(self) -> dict[str, Any]:
        """See `Child`."""
        message = await self.hear()
        if WORD in message:
            raise error_of(message[WORD])
        return message

    async def hear(self) -> dict[str, Any]:
        """The next message, whoever says it."""
        try:
            return await frames.receive(self._reader, self._frame_bytes_max + FRAME_ROOM_BYTES)
        except (EOFError, OSError) as cause:
            raise self._gone() from cause
        except FrameError as cause:
            self.kill()
            raise SandboxCrashed("The sandbox service said something that is no message.") from cause

    async def ask(self, wish: Wish) -> None:
        """Wait for the child. Raises SandboxBusy or SandboxUnavailable; ConnectionError where the service went away."""
        try:
            await self._write(frames.pack(wish.word(), FRAME_ROOM_BYTES))
            said = (await self.hear()).get(WORD)
        except SandboxCrashed as cause:
            raise ConnectionError from cause
        if not isinstance(said, dict) or "given" not in said:
            raise error_of(said)
        self.given, self.refused = said["given"], said["refused"]

    def kill(self) -> None:
        """See `Child`."""
        if not self._killed:
            self._killed = True
            self._writer.write(frames.pack({WORD: KILL}, FRAME_ROOM_BYTES))
        self.close()

    def close(self) -> None:
        """The child is used no more."""
        self._writer.close()

    def _gone(self) -> MeshError:
        self.close()
        if self._killed:
            return SandboxCrashed("It was ended.")
        return SandboxCrashed("The sandbox service went away while it ran.")


class RemoteChildren:
    """Children of the service that listens on a socket."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._worker = secrets.token_hex(16)

    @asynccontextmanager
    async def child(
        self, engine: str, tenant: str, budget_s: float, *, wait_s: float | None = None
    ) -> AsyncIterator[RemoteChild]:
        """See `Children`."""
        wait_s = self._settings.children_wait_s if wait_s is None else wait_s
        child = await self._take(Wish(engine, tenant, self._worker, budget_s, wait_s))
        clean = False
        try:
            async with asyncio.timeout(budget_s + _GRACE_S) as limit:
                yield child
                clean = True
        except TimeoutError:
            if limit.expired():
                detail = f"It ran for longer than {budget_s:g} s and was ended."
                raise SandboxTimeout(detail, data={"budget_s": budget_s}) from None
            raise
        finally:
            if clean:
                child.close()
            else:
                child.kill()

    def prepare(self, engine: str) -> None:
        """The service has its children ready by itself."""

    async def close(self) -> None:
        """Each block has a connection of its own, and closes it."""

    async def _take(self, wish: Wish) -> RemoteChild:
        """Connect, and wait for a child; again where the service is away or goes away, until the time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wish.wait_s
        while True:
            left_s = max(0.0, until - loop.time())
            try:
                async with asyncio.timeout(left_s + _WORD_S):
                    return await self._try(replace(wish, wait_s=left_s))
            except OSError as cause:  # TimeoutError is one
                if loop.time() + _AGAIN_S > until:
                    raise SandboxUnavailable(
                        "The sandbox service does not answer. Its operator starts it with `toolmesh sandbox`.",
                        retry_after_s=_WORD_S,
                    ) from cause
                await asyncio.sleep(_AGAIN_S)

    async def _try(self, wish: Wish) -> RemoteChild:
        reader, writer = await asyncio.open_unix_connection(self._path)
        child = RemoteChild(reader, writer, self._settings.child_frame_bytes_max)
        try:
            await child.ask(wish)
        except BaseException:
            child.close()
            raise
        return child

"""Upstreams as processes of a test, and the backend that calls them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from shared.configuration import BackendEntry
from shared.settings import Settings
from tests.mesh import Module, free_port, wait_until
from tests.upstreams.invocations import Caller
from workers.backends.mcp_http import open_backend
from workers.credentials import Credentials


class Upstream:
    """`everything`, `evil` or `evil_sse`, on a port of its own."""

    def __init__(self, directory: Path, kind: str, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._log = directory / f"{kind}-{self.port}.log"
        self._command = [f"tests.upstreams.{kind}", "--port", str(self.port)]
        self.options = options
        """Further arguments, for the next start."""
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Start (again), on the same port."""
        self._starts += 1
        self.process = Module([*self._command, *self.options], self._log)
        wait_until(lambda: self._listens() or not self.process.running, f"{self._log.name} listens")
        assert self.process.running, self.process.output()

    def _listens(self) -> bool:
        return self.process.output().count("listening") >= self._starts

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()


@asynccontextmanager
async def calling(
    url: str, *, settings: Settings | None = None, environment: dict[str, str] | None = None, **entry: Any
) -> AsyncIterator[Caller]:
    """A started backend of kind `http`; `entry`: members of its entry in backends.yaml."""
    described = msgspec.convert({"name": "up", "transport": "http", "url": url, **entry}, BackendEntry)
    caller = Caller(open_backend(described, settings or Settings(), Credentials(environment or {})))
    await caller.start()
    try:
        yield caller
    finally:
        async with asyncio.timeout(10):
            await caller.backend.close()


def run(test: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Run an async test, bounded; no task may be left."""

    async def bounded() -> None:
        async with asyncio.timeout(timeout_s):
            await test()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    asyncio.run(bounded())

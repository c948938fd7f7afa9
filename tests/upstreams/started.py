"""Upstreams as processes of a test, and the backend that calls them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from shared.configuration import BackendEntry
from shared.identity import Principal
from shared.messages import CallClass
from shared.settings import Settings
from tests.mesh import Process, free_port, wait_until
from workers.backends.backend import Backend, Invocation
from workers.backends.mcp_http import open_backend
from workers.credentials import Credentials

_SCRIPTS = Path(__file__).parent


class Upstream:
    """`everything` or `evil`, on a port of its own."""

    def __init__(self, directory: Path, kind: str, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._log = directory / f"{kind}-{self.port}.log"
        self._command = [sys.executable, str(_SCRIPTS / f"{kind}.py"), "--port", str(self.port)]
        self.options = options
        """Further arguments, for the next start."""
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Start (again), on the same port."""
        self._starts += 1
        self.process = Process([*self._command, *self.options], self._log)
        wait_until(lambda: self._listens() or not self.process.running, f"{self._log.name} listens")
        assert self.process.running, self.process.output()

    def _listens(self) -> bool:
        return self.process.output().count("listening") >= self._starts

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()


@dataclass
class Caller:
    """A backend with the other side of the seam: it keeps what came back beside the result."""

    backend: Backend
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    reports: list[dict[str, Any]] = field(default_factory=list)
    dispatched: int = 0

    async def call(
        self,
        tool: str,
        arguments: dict[str, Any] | bytes = b"{}",
        *,
        access: CallClass = "write",
        meta: bytes = b"",
        progress: bool = False,
        timeout_s: float = 20.0,
    ) -> bytes:
        """One call; gives the raw result."""
        raw = arguments if isinstance(arguments, bytes) else msgspec.json.encode(arguments)
        return await self.backend.call(
            Invocation(
                call_id="test",
                tool=tool,
                access=access,
                arguments=raw,
                meta=meta,
                principal=Principal(subject="test"),
                deadline=asyncio.get_running_loop().time() + timeout_s,
                wants_progress=progress,
                report=lambda params: self.reports.append(msgspec.json.decode(params)),
                dispatch=self._dispatch,
            )
        )

    async def text(self, tool: str, arguments: dict[str, Any] | bytes = b"{}", **how: Any) -> str:
        """One call; gives the text of the result's first block."""
        return str(msgspec.json.decode(await self.call(tool, arguments, **how))["content"][0]["text"])

    async def _dispatch(self) -> None:
        self.dispatched += 1


@asynccontextmanager
async def calling(
    url: str, *, settings: Settings | None = None, environment: dict[str, str] | None = None, **entry: Any
) -> AsyncIterator[Caller]:
    """A started backend of kind `http`; `entry`: members of its entry in backends.yaml."""
    described = msgspec.convert({"name": "up", "transport": "http", "url": url, **entry}, BackendEntry)
    caller = Caller(open_backend(described, settings or Settings(), Credentials(environment or {})))
    await caller.backend.start(caller.changes.set)
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

"""A REST backend of a test: its DADL file, its children, and the other side of the seam."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from shared.configuration import BackendEntry
from shared.line import RedisLine
from shared.mesh_keys import parse_key_ring
from shared.settings import Settings
from tests.mesh import mesh_keys
from tests.upstreams.invocations import Caller
from workers.backends.rest.backend import open_backend
from workers.children.opened import open_children
from workers.credentials import Credentials
from workers.equipment import Equipment

NO_BROKER = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def opened(
    directory: Path,
    dadl: str,
    url: str | None = None,
    *,
    environment: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    redis_url: str = "",
    **entry: Any,
) -> AsyncIterator[Caller]:
    """A started backend `wx`. `dadl`: the text of its file; `entry`: members of its entry in backends.yaml; `redis_url`: a
    real broker, for what workers share; without one nothing can be shared, and what needs it fails."""
    (directory / "dadl").mkdir(exist_ok=True)
    (directory / "dadl" / "wx.dadl").write_text(dadl)
    given = Settings(config_dir=directory, data_dir=directory / "data", **(settings or {}))
    described = msgspec.convert({"name": "wx", "transport": "rest", "dadl": "wx.dadl", "url": url, **entry}, BackendEntry)
    children = open_children(given)
    line = RedisLine(redis_url or NO_BROKER, pending_max=1_000, timeout_s=2.0)
    if redis_url:
        await line.open()
    equipment = Equipment(children=children, line=line, ring=parse_key_ring(mesh_keys()))
    caller = Caller(open_backend(described, given, Credentials(environment or {}), equipment=equipment))
    try:
        await caller.start()
        await caller.offer()  # a worker lists a backend before it makes any call of it
        yield caller
    finally:
        async with asyncio.timeout(10):
            await caller.backend.close()
            await children.close()
            await line.close()

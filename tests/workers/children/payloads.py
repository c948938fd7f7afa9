"""A pool of real children whose engine runs Python (`payload.py`)."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from shared.settings import Settings
from workers.children.child import ChildProcess
from workers.children.children import Child
from workers.children.engine import Engine
from workers.children.pool import Pool

PAYLOAD = Engine("payload", "payload", paths=(str(Path(__file__).parent),))
T = TypeVar("T")
LOOP = "while True: pass"
ALLOCATE = "found = []\nwhile True: found.append(bytearray(1 << 20))"


def run(test: Callable[[], Awaitable[T]], timeout_s: float = 60.0) -> T:
    """Run an async test, bounded, and give what it gives; no task may be left."""

    async def bounded() -> T:
        async with asyncio.timeout(timeout_s):
            found = await test()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return found

    return asyncio.run(bounded())


@asynccontextmanager
async def pool_of(**settings: Any) -> AsyncIterator[Pool]:
    """A pool, and nothing of it left afterwards."""
    pool = Pool(Settings(**settings), {"payload": PAYLOAD})
    try:
        yield pool
    finally:
        await pool.close()


async def told(child: Child, python: str) -> Any:
    """What the code found in the child, or `{"raised": …, "errno": …}`."""
    await child.send({"run": "payload", "python": python})
    return (await child.receive())["done"]["value"]


async def tell(pool: Pool, python: str, *, tenant: str = "ada", budget_s: float = 5.0) -> Any:
    """The same, in a block of its own."""
    async with pool.child("payload", tenant, budget_s) as child:
        return await told(child, python)


async def pid_of(pool: Pool, tenant: str = "ada") -> int:
    """Of the child that the tenant gets."""
    async with pool.child("payload", tenant, 5.0) as child:
        return child.pid


def lives(child: ChildProcess | int) -> bool:
    """Whether the process is there, and is no zombie."""
    pid = child if isinstance(child, int) else child.pid
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptors() -> int:
    """Open ones of this process."""
    return len(os.listdir("/proc/self/fd"))

"""Backends of kind `stdio` for tests, and a look at the processes that they have."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from shared.configuration import BackendEntry
from shared.settings import Settings
from tests.upstreams.invocations import Caller
from workers.backends.mcp_stdio import open_backend
from workers.credentials import Credentials

PLAIN = Path(__file__).with_name("stdio_plain.py")
EVERYTHING = Path(__file__).with_name("stdio_everything.py")


def entry_of(*options: str, script: Path = PLAIN, **entry: Any) -> BackendEntry:
    """An entry in backends.yaml for a server of the tests."""
    command = {"command": sys.executable, "args": [*(["-S"] if script == PLAIN else []), str(script), *options]}
    return msgspec.convert({"name": "up", "transport": "stdio", **command, **entry}, BackendEntry)


@asynccontextmanager
async def calling(*options: str, **how: Any) -> AsyncIterator[Caller]:
    """As `opened`, for a test that has no other processes: none may be left."""
    async with opened(*options, **how) as caller:
        yield caller
    assert descendants() == [], "processes are left"


@asynccontextmanager
async def opened(
    *options: str,
    settings: Settings | None = None,
    environment: dict[str, str] | None = None,
    script: Path = PLAIN,
    **entry: Any,
) -> AsyncIterator[Caller]:
    """A started backend; `options` are the server's, `entry`: further members of its entry in backends.yaml."""
    described = entry_of(*options, script=script, **entry)
    credentials = Credentials({**os.environ, **(environment or {})})
    caller = Caller(open_backend(described, settings or Settings(), credentials))
    await caller.start()
    try:
        yield caller
    finally:
        async with asyncio.timeout(20):
            await caller.backend.close()


_others: frozenset[int] = frozenset()


def forget_others() -> None:
    """What runs now below this process (a broker that tests share) is none of the next test's."""
    global _others
    _others = frozenset()
    _others = frozenset(descendants())


def descendants(of: int | None = None) -> list[int]:
    """All living processes below this one that came with the test."""
    parents: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [of or os.getpid()]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return [pid for pid in found if pid not in _others]


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool], what: str, within_s: float = 10.0) -> None:
    """Wait for something that is to become true."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {within_s} s for: {what}") from None

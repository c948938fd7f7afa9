"""Redis Functions: loading them, and calling them over a line.

The library's name and its functions' names carry a hash of the source, so that roles of two releases work side by side. A
role that finds them missing (a new broker, or one that came back empty) loads them if its user may; else it asks for them
on a channel that an init role or `toolmesh up` answers.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared import keys
from shared.errors import BrokerUnavailable
from shared.line import RedisLine

log = structlog.get_logger()

_PARTS = ("queue", "call", "worker", "auth", "inner", "blobs")
"""Files of `shared/lua`, in this order: one library, in which later parts use what earlier ones have."""
_SOURCE = "\n".join((files("shared") / "lua" / f"{part}.lua").read_text(encoding="utf-8") for part in _PARTS)
_VERSION = hashlib.sha256(_SOURCE.encode()).hexdigest()[:8]
LIBRARY = f"#!lua name=toolmesh_{_VERSION}\n" + _SOURCE.replace("@V@", _VERSION)
"""What FUNCTION LOAD takes."""

_WAIT_S = 5.0
_names: dict[str, str] = {}


def function_name(short: str) -> str:
    """The full name of one of our functions."""
    name = _names.get(short)
    if name is None:
        name = _names[short] = f"tm_{short}_{_VERSION}"
    return name


def start_fcall(line: RedisLine, short: str, function_keys: Iterable[str], *args: Any) -> asyncio.Future[Any]:
    """Send a function call and give the future of its reply; no help where the function is missing."""
    names = list(function_keys)
    return line.cmd("FCALL", function_name(short), len(names), *names, *args)


async def fcall(line: RedisLine, short: str, function_keys: Iterable[str], *args: Any) -> Any:
    """Call one of our functions, and load them first where the broker has forgotten them."""
    names = list(function_keys)
    try:
        return await start_fcall(line, short, names, *args)
    except ResponseError as error:
        if "Function not found" not in str(error):
            raise
    await ensure_functions(line)
    return await start_fcall(line, short, names, *args)


async def ensure_functions(line: RedisLine) -> None:
    """Load the functions, or wait until somebody who may has done so. Raises BrokerUnavailable after 5 s."""
    try:
        async with asyncio.timeout(_WAIT_S):
            while not await _try_load(line):
                await line.cmd("PUBLISH", keys.FUNCTIONS_WANTED, _VERSION)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise BrokerUnavailable(
            "The broker has no ToolMesh functions, and this role may not load them. Start the init role.",
            retry_after_s=5,
        ) from None


async def _try_load(line: RedisLine) -> bool:
    try:
        await line.cmd("FUNCTION", "LOAD", "REPLACE", LIBRARY)
    except ResponseError as error:
        if not str(error).startswith(("NOPERM", "No permissions")) and type(error).__name__ != "NoPermissionError":
            raise
    else:
        return True
    try:
        # A lease of nothing: tells whether the function is there without touching a key.
        await line.cmd("FCALL", function_name("renew"), 0, 1000)
    except ResponseError:
        return False
    return True


async def load_functions(url: str) -> None:
    """Load the functions into the broker at that URL (the init role's work)."""
    async with Redis.from_url(url) as redis:
        await redis.function_load(LIBRARY, replace=True)


async def answer_requests(url: str) -> None:
    """Load the functions again whenever a role asks for them. Runs until it is cancelled."""
    while True:
        try:
            async with Redis.from_url(url) as redis, redis.pubsub() as channel:
                await channel.subscribe(keys.FUNCTIONS_WANTED)
                async for message in channel.listen():
                    if message["type"] == "message":
                        await redis.function_load(LIBRARY, replace=True)
                        log.info("functions loaded on request")
        except (RedisError, OSError) as error:
            log.debug("waiting for the broker", reason=type(error).__name__)
            await asyncio.sleep(0.5)

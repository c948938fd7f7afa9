"""Where the mesh is: its broker and its keys, as the environment says or a `toolmesh up` that runs here."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, ConfigurationError, InvalidParams
from shared.jobs import CALL_ID
from shared.mesh_keys import KeyRing, parse_key_ring
from shared.settings import Settings
from toolmesh.broker_url_file import read_broker_url
from toolmesh.configured import load_configuration
from toolmesh.mesh_keys_file import mesh_keys_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What it takes to look at a mesh."""

    url: str
    """The broker's; may hold a password."""
    ring: KeyRing
    entries: tuple[BackendEntry, ...]
    settings: Settings

    @property
    def groups(self) -> list[str]:
        """The worker groups of the configuration."""
        return sorted({entry.group for entry in self.entries})


def reach(config: Path | None, data: Path | None, environment: Mapping[str, str] | None = None) -> Reach:
    """Find the mesh. `data`: directory of a running `up`, which goes before REDIS_URL. Raises ConfigurationError."""
    environment = os.environ if environment is None else environment
    configured = load_configuration(config, environment, door=False, data_dir=data)
    settings = configured.settings
    named = any(environment.get(name, "").strip() for name in ("REDIS_URL", "REDIS_URL_FILE"))
    url = read_broker_url(settings.data_dir) if data is not None or not named else None
    if url is None and named:
        url = settings.redis_url.reveal()
    if url is None:
        raise ConfigurationError(
            f"No broker: REDIS_URL is not set, and no `toolmesh up` runs with {settings.data_dir}. Set REDIS_URL, or name "
            "the directory of a running one with --data."
        )
    ring = settings.mesh_keys
    if ring is None:
        path = mesh_keys_file(settings.data_dir)
        if not path.exists():
            raise ConfigurationError(
                f"No mesh keys: TOOLMESH_MESH_KEYS is not set, and {path} is not there. Set it to what the edges have: "
                "without it nobody can tell their calls from forged ones."
            )
        ring = parse_key_ring(str(path.resolve()))
    return Reach(url=url, ring=ring, entries=configured.served, settings=settings)


@asynccontextmanager
async def connection(where: Reach) -> AsyncIterator[Redis]:
    """A connection to the broker. What goes wrong on it leaves as BrokerUnavailable or ConfigurationError."""
    timeout_s = where.settings.redis_timeout_s
    try:
        async with Redis.from_url(where.url, socket_connect_timeout=timeout_s, socket_timeout=timeout_s) as redis:
            yield redis
    except NoPermissionError as cause:
        raise ConfigurationError(
            "The broker's user in REDIS_URL may not do this. Use the URL of an edge, or of the administrator (`init`)."
        ) from cause
    except (RedisError, OSError, ValueError) as cause:
        raise BrokerUnavailable(
            f"The broker can't be reached ({type(cause).__name__}). Is it running, and is REDIS_URL right?"
        ) from cause


async def now_ms(redis: Redis) -> int:
    """The broker's time, which is the mesh's: Unix milliseconds."""
    seconds, microseconds = await redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def checked_id(call_id: str) -> str:
    """A text that can be a call's id. Raises InvalidParams."""
    if not CALL_ID.fullmatch(call_id):
        raise InvalidParams(
            "That is no id of a call. It is the one that an answer, the audit or `toolmesh queue ls` shows."
        )
    return call_id

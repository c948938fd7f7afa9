"""Brokers that have what roles of least privilege need: their users, and the Redis Functions.

The users are applied again when their file changes or the broker was away, the functions are loaded again whenever a role
finds them missing (the broker came back empty) and asks on a channel. With `AUTH_REDIS_URL` there are two such brokers; on
that of the log-ins workers have no users.
"""

import asyncio
import signal
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared import keys
from shared.errors import ConfigurationError
from shared.functions import LIBRARY
from shared.health_file import touch
from shared.settings import Settings
from toolmesh.acl import is_workers
from toolmesh.broker import wait_for_broker

log = structlog.get_logger()

_LOOK_S = 1.0
_RETRY_S = 0.5
_BETWEEN_LOADS_S = 0.2
"""However many roles ask at once, the functions are loaded this often at most."""


def read_users(path: Path) -> dict[str, list[str]]:
    """Name → rules, out of a file in the format of Redis' `aclfile`. Raises ConfigurationError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigurationError(f"{path} can't be read. `toolmesh secrets` makes it.") from cause
    users = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words[:1] != ["user"] or len(words) < 2:
            raise ConfigurationError(f"{path}:{number} is not `user NAME rules…`. `toolmesh secrets` writes the file.")
        users[words[1]] = words[2:]
    # The default user is the operator's: on a broker that others use too, it may be theirs.
    users.pop("default", None)
    return users


def prepared_brokers(settings: Settings, users: Path | None) -> "list[PreparedBroker]":
    """The brokers of a mesh: that of the calls, and that of the log-ins where it is another. Raises ConfigurationError."""
    found = [PreparedBroker(settings, settings.redis_url.reveal(), users, health_file=settings.health_file)]
    own = settings.auth_redis_url
    if own is not None and own != settings.redis_url:
        found.append(PreparedBroker(settings, own.reveal(), users, variable="AUTH_REDIS_URL", workers=False))
    return found


async def stay_prepared(brokers: "list[PreparedBroker]") -> None:
    """Keep them prepared until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    work = [loop.create_task(broker.keep_prepared()) for broker in brokers]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: [task.cancel() for task in work])
    await asyncio.gather(*work, return_exceptions=True)
    log.info("init stopped")


class PreparedBroker:
    """Keeps one broker prepared."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        users: Path | None,
        *,
        variable: str = "REDIS_URL",
        workers: bool = True,
        health_file: Path | None = None,
    ) -> None:
        """`variable`: what names it; `workers`: whether they have users there. Raises ConfigurationError."""
        self._url = url
        self._variable = variable
        self._workers = workers
        self._timeout_s = settings.redis_timeout_s
        self._health_file = health_file
        self._users_path = users
        self._users = self._read_users() if users else {}

    async def once(self) -> None:
        """Prepare the broker. Raises ConfigurationError."""
        await wait_for_broker(self._url)
        try:
            async with self._connection() as redis:
                await self._prepare(redis)
        except (RedisError, OSError) as cause:
            raise ConfigurationError(
                f"The broker of {self._variable} can't be prepared ({type(cause).__name__}). It must be Redis or Valkey 7 "
                f"or newer, and the user of {self._variable} an administrator."
            ) from cause

    async def keep_prepared(self) -> None:
        """Prepare it again and again. Runs until it is cancelled."""
        while True:
            try:
                async with self._connection() as redis, redis.pubsub() as channel:
                    await self._prepare(redis)
                    await channel.subscribe(keys.FUNCTIONS_WANTED)
                    log.info("broker prepared", broker=self._variable, users=sorted(self._users))
                    while True:
                        touch(self._health_file)
                        if await channel.get_message(ignore_subscribe_messages=True, timeout=_LOOK_S):
                            await _load_functions(redis)
                            log.info("functions loaded on request", broker=self._variable)
                            await asyncio.sleep(_BETWEEN_LOADS_S)
                        elif self._users_changed():
                            await self._apply_users(redis)
                            log.info("users applied", broker=self._variable, users=sorted(self._users))
                        else:
                            await redis.execute_command("PING")  # type: ignore[no-untyped-call]
            except (RedisError, OSError) as error:
                log.warning("waiting for the broker", broker=self._variable, reason=type(error).__name__)
                await asyncio.sleep(_RETRY_S)

    def _connection(self) -> Redis:
        redis: Redis = Redis.from_url(self._url, socket_connect_timeout=self._timeout_s, socket_timeout=self._timeout_s)
        return redis

    def _read_users(self) -> dict[str, list[str]]:
        assert self._users_path is not None
        users = read_users(self._users_path)
        return {name: rules for name, rules in users.items() if self._workers or not is_workers(name)}

    def _users_changed(self) -> bool:
        """Whether the file says something new. One that is being replaced, or was damaged, changes nothing."""
        if self._users_path is None:
            return False
        try:
            users = self._read_users()
        except ConfigurationError as error:
            log.error("users not read", reason=error.detail)
            return False
        changed = users != self._users
        self._users = users
        return changed

    async def _prepare(self, redis: Redis) -> None:
        await self._apply_users(redis)
        await _load_functions(redis)

    async def _apply_users(self, redis: Redis) -> None:
        for name, rules in self._users.items():
            await redis.execute_command("ACL", "SETUSER", name, "reset", *rules)  # type: ignore[no-untyped-call]
        if self._users:
            try:
                await redis.execute_command("ACL", "SAVE")  # type: ignore[no-untyped-call]
            except ResponseError:
                # The broker has no file for users, or may not write it: this role applies them on each of its starts.
                log.debug("users not saved by the broker")


async def _load_functions(redis: Redis) -> None:
    await redis.execute_command("FUNCTION", "LOAD", "REPLACE", LIBRARY)  # type: ignore[no-untyped-call]

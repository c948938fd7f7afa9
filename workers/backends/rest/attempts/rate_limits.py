"""Until when an API wants no more requests: known to all workers of its backend (DADL 0.2, errors, `rate_limit`).

It is a courtesy to the API, not a check: where the broker can't be asked, what this worker itself knows has to do.
"""

import asyncio
import re

import structlog
from redis.exceptions import ResponseError

from shared import rest_keys
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from shared.settings import Settings
from workers.backends.rest.answer import Answer
from workers.backends.rest.attempts.retry_after import wait_of
from workers.backends.rest.dadl.failures import Errors, RetryStrategy

log = structlog.get_logger()

_USED_UP = re.compile(r"-?0+(?:\.0+)?|-[0-9]+")
_TOO_MANY = 429


class RateLimits:
    """That of one backend."""

    def __init__(self, line: RedisLine, entry: BackendEntry, settings: Settings) -> None:
        self._line = line
        self._key = rest_keys.rate_limit(entry.group, entry.name)
        self._name = entry.name
        self._wait_s_max = settings.rest_rate_wait_s_max
        self._until = 0.0
        """Loop time."""

    async def wait_s(self) -> float:
        """Seconds until a request may be sent; 0 for now."""
        left_s = self._until - asyncio.get_running_loop().time()
        if left_s > 0:
            return left_s
        try:
            return max(int(await self._line.cmd("PTTL", self._key)), 0) / 1000
        except (BrokerUnavailable, ResponseError) as error:
            log.debug("rate limit not asked for", backend=self._name, reason=type(error).__name__)
            return 0.0

    def note(self, answer: Answer, errors: Errors | None) -> None:
        """An answer came to a request of a tool with these `errors`."""
        limit = errors.rate_limit if errors is not None else None
        if errors is None or limit is None:
            return
        asked_s = wait_of(answer.headers, limit)
        used_up = limit.header is not None and _USED_UP.fullmatch(answer.headers.get(limit.header, "").strip())
        if not used_up and (answer.status != _TOO_MANY or asked_s is None):
            return
        if asked_s is None:
            asked_s = (errors.retry_strategy or RetryStrategy()).initial_delay
        self._hold_back(min(asked_s, self._wait_s_max))

    def _hold_back(self, wait_s: float) -> None:
        ms = int(wait_s * 1000)
        if ms <= 0:
            return
        self._until = max(self._until, asyncio.get_running_loop().time() + wait_s)
        # What another worker has heard may reach further than this.
        self._line.send("SET", self._key, "1", "PX", ms, "NX")
        self._line.send("PEXPIRE", self._key, ms, "GT")

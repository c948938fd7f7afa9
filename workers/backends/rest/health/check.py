"""Asks an API whether it is well (DADL 0.2, health): one request, sent once, and an answer that never is an error."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.errors import MeshError
from workers.backends.backend import Invocation
from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.authenticator import Authenticator, authenticator_of, signed
from workers.backends.rest.dadl.health import Health
from workers.backends.rest.failed import Failed
from workers.backends.rest.health.troubles import trouble_of
from workers.backends.rest.requests.plan import RequestPlan
from workers.backends.rest.response.single_value import Unreadable, value_at, written_at
from workers.backends.rest.selecting import NotThere
from workers.backends.rest.wire import Wire

_EPOCH_MS_MIN = 1e11
"""A larger number is a time in milliseconds: as seconds it would lie beyond the year 5000."""
_encode = msgspec.json.Encoder().encode


class NotWell(Exception):
    """It answered, and not as it should. The text says what is wrong, and nothing that the API said."""


class HealthCheck:
    """Made once for a definition. `plan` is that of the tool that is named, or of the request of its own."""

    def __init__(self, health: Health, plan: RequestPlan, wire: Wire, authenticator: Authenticator) -> None:
        self._health = health
        self._plan = plan
        self._wire = wire
        self._authenticator = authenticator

    async def run(self, invocation: Invocation) -> bytes:
        """The MCP result: one text block with `{ok, http_status?, error_code?, latency_ms, checked_at, auth_expires_at?,
        error?}`. Raises only where this worker may not act for the call."""
        await invocation.dispatch()
        found: dict[str, Any] = {"ok": False}
        loop = asyncio.get_running_loop()
        checked_at, began = datetime.now(UTC), loop.time()
        until = min(invocation.deadline, began + self._health.timeout)
        try:
            async with asyncio.timeout_at(until):
                answer = await self._ask()
            found |= {"ok": True, "http_status": answer.status, **self._judge(answer)}
        except (MeshError, Failed, TimeoutError) as error:
            found |= {"error_code": trouble_of(error), "error": self._said(error)}
        found["latency_ms"] = round((loop.time() - began) * 1000, 1)
        found["checked_at"] = checked_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return _encode({"content": [{"type": "text", "text": _encode(found).decode()}], "isError": False})

    async def _ask(self) -> Answer:
        request = self._plan.build({})
        # It waits for no slot: an API that is busy with calls of ours is to be seen as that, and not as one that is away.
        answer = await self._wire.send(await signed(request, self._authenticator))
        authenticator_of(request, self._authenticator).note(answer)
        return answer

    def _judge(self, answer: Answer) -> dict[str, Any]:
        """What there is to say of an answer beside its status."""
        try:
            self._check_status(answer.status)
            if self._health.expect_path:
                written_at(self._health.expect_path, answer)
            return self._expiry(answer)
        except NotWell as why:
            return {"ok": False, "error": str(why)}
        except NotThere as reason:
            return {"ok": False, "error": f"What the API answers is not what it should: {reason}."}
        except Unreadable:
            return {"ok": False, "error": "What the API answers is no JSON."}

    def _check_status(self, status: int) -> None:
        """Raises NotWell."""
        expected = self._health.expect_status
        if status == expected or (expected is None and 200 <= status <= 299):
            return
        if status in (401, 403):
            raise NotWell(f"The API answers HTTP {status}: it does not take the credential.")
        raise NotWell(f"The API answers HTTP {status}, and {expected or '2xx'} is what it should answer.")

    def _expiry(self, answer: Answer) -> dict[str, Any]:
        if not self._health.auth_expires_path:
            return {}
        try:
            return {"auth_expires_at": _as_time(value_at(self._health.auth_expires_path, answer))}
        except (NotWell, NotThere):
            return {}  # it is not said of every credential

    def _said(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"The API did not answer in {self._health.timeout:g} s."
        if isinstance(error, MeshError):
            return error.detail
        return error.text if isinstance(error, Failed) else "The API can't be asked."


def _as_time(value: Any) -> str:
    """A time as text; numbers count from 1970, in seconds or milliseconds. Raises NotWell for what is none."""
    if isinstance(value, str) and value:
        return value[:64]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotWell("no time")
    try:
        moment = datetime.fromtimestamp(value / 1000 if value > _EPOCH_MS_MIN else value, UTC)
    except (OverflowError, OSError, ValueError):
        raise NotWell("no time") from None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")

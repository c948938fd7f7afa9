"""The time that an upstream has for an answer, which stands still while the client is asked something."""

import asyncio
from types import TracebackType

from workers.backends.backend import Ask


class Patience:
    """A time-out that questions put off: a context manager that raises TimeoutError, as `asyncio.timeout` does."""

    def __init__(self, timeout_s: float, deadline: float) -> None:
        """`deadline`: loop time past which nothing is waited for."""
        self._deadline = deadline
        self._timeout = asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + timeout_s))
        self._asking = 0
        self._left_s = 0.0

    @property
    def until(self) -> float:
        """Loop time at which it is over, as things stand."""
        when = self._timeout.when()
        return self._deadline if when is None else when

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)

    def around(self, ask: Ask) -> Ask:
        """The same question, during which the upstream's time does not run."""

        async def asked(method: str, params: bytes) -> bytes:
            self._stop()
            try:
                return await ask(method, params)
            finally:
                self._go_on()

        return asked

    def _stop(self) -> None:
        self._asking += 1
        if self._asking == 1 and (when := self._timeout.when()) is not None and not self._timeout.expired():
            self._left_s = max(when - asyncio.get_running_loop().time(), 0.0)
            self._timeout.reschedule(self._deadline)

    def _go_on(self) -> None:
        self._asking -= 1
        if self._asking == 0 and not self._timeout.expired():
            self._timeout.reschedule(min(self._deadline, asyncio.get_running_loop().time() + self._left_s))

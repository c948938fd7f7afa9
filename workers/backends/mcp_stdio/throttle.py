"""How often something may happen."""

import asyncio


class Throttle:
    """Counts what happens within a second, by the event loop's clock."""

    def __init__(self, per_s_max: int) -> None:
        self._per_s_max = per_s_max
        self._second = 0
        self._counted = 0
        self.refused = 0
        """What was over the rate since this was last set to 0."""

    def allows(self) -> bool:
        """Count one; whether it is within the rate."""
        self._count()
        if self._counted <= self._per_s_max:
            return True
        self.refused += 1
        return False

    async def pace(self) -> None:
        """Count one; wait for the next second where the rate is reached."""
        self._count()
        if self._counted > self._per_s_max:
            self.refused += 1
            await asyncio.sleep(self._second + 1 - asyncio.get_running_loop().time())

    def _count(self) -> None:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second = second
            self._counted = 0
        self._counted += 1

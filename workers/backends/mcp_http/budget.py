"""How many bytes of one event stream are read: altogether, or per minute where the stream has no end."""

import asyncio

from shared.errors import UpstreamTooLarge

_WINDOW_S = 60.0


class Budget:
    """Bytes that may still be read."""

    def __init__(self, bytes_max: int, *, endless: bool = False) -> None:
        self._bytes_max = bytes_max
        self._endless = endless
        self._left = bytes_max
        self._renewed_at = asyncio.get_running_loop().time() if endless else 0.0

    def spend(self, size: int) -> None:
        """Raises UpstreamTooLarge where that is more than is left."""
        self._left -= size
        if self._left >= 0:
            return
        now = asyncio.get_running_loop().time()
        if not self._endless or now - self._renewed_at < _WINDOW_S:
            per = f" in {_WINDOW_S:g} s" if self._endless else ""
            raise UpstreamTooLarge(f"The upstream's stream has more than {self._bytes_max} bytes{per}.")
        self._renewed_at = now
        self._left = self._bytes_max - size

    def give_back(self, size: int) -> None:
        """These were an answer that somebody waited for, which has a limit of its own."""
        self._left = min(self._left + size, self._bytes_max)

"""The child's end of the line to its worker."""

import select
from typing import Any

from workers.children import frames


class Port:
    """Messages to and from the worker; blocks. All that a child ever reads or writes goes through here."""

    def __init__(self, descriptor: int, bytes_max: int) -> None:
        self._descriptor = descriptor
        self._bytes_max = bytes_max

    def send(self, message: dict[str, Any]) -> None:
        """Raises FrameError for what is too large or no JSON: nothing was sent then. OSError where the worker is gone."""
        frames.write(self._descriptor, frames.pack(message, self._bytes_max))

    def receive(self) -> dict[str, Any]:
        """Raises EOFError where the worker is gone, and FrameError for what it can't have meant."""
        return frames.read(self._descriptor, self._bytes_max)

    def waiting(self) -> bool:
        """Whether a message is there. Where the system lets nobody ask, none is."""
        try:
            # No poll(2), which may be given no descriptor where none may be opened.
            return bool(select.select([self._descriptor], [], [], 0)[0])
        except OSError:
            return False

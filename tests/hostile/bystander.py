"""Somebody who has nothing to do with scripts, and calls a tool again and again while they run."""

import threading
import time

from tests.client import Client

_PAUSE_S = 0.02


class Bystander(threading.Thread):
    """Calls until it is stopped. `wrong`: answers that were none."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._over = threading.Event()
        self.took_ms: list[float] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self._over.wait(_PAUSE_S):
            began, said = time.monotonic(), f"hello {len(self.took_ms)}"
            try:
                heard = self._client.text("echo_echo", {"message": said})
            except Exception as error:
                heard = repr(error)
            self.took_ms.append((time.monotonic() - began) * 1000)
            if heard != said:
                self.wrong.append(heard[:200])

    def stop(self) -> None:
        """Call no more."""
        self._over.set()
        self.join(70)
        if self.is_alive():
            self.wrong.append("a call was never answered")

    def percentile(self, share: float) -> float:
        """Of the times of its calls, in milliseconds."""
        return percentile(self.took_ms, share)


def percentile(values: list[float], share: float) -> float:
    """The nearest rank; 0 for none."""
    return sorted(values)[max(0, -(-len(values) * int(share * 100) // 100) - 1)] if values else 0.0

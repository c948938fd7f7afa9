"""What a client saw of its calls: one `Ask` for each call that was meant, however often it was sent."""

import threading
from dataclasses import dataclass, field
from typing import Literal

End = Literal["ok", "error", "unknown", "broken", "silent"]
"""ok: the true result; error: any other answer, with its code; unknown: `outcome_unknown`; broken: its connection broke
each time that it was sent; silent: neither an answer nor a broken connection within the call's time and 5 s."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One call that a client meant, and how it ended."""

    tool: str
    token: str
    """Unique for each call; of the tool `intended` the same for all calls that are meant to be identical."""
    arguments_sha256: str
    end: End
    code: str = ""
    """Of an error: its slug, or `error` where the tool itself failed."""
    text: str = ""
    """What a result held."""
    call_id: str = ""
    began: float = 0.0
    ended: float = 0.0
    """Unix time, s."""
    sendings: int = 1
    story: tuple[str, ...] = ()
    """When and where it was sent each time, and how that ended."""
    attached: bool = False
    """Whether the answer came from an earlier sending than the last one."""
    keyed: bool = False
    """Whether it had an idempotency key of its own."""


@dataclass
class History:
    """All asks of a run; any thread may add."""

    asks: list[Ask] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, ask: Ask) -> None:
        with self._lock:
            self.asks.append(ask)

"""What a worker and a sandbox service say to one another beside the messages of a child: frames with the member `sandbox`.

A connection is one block of `Children.child`. First the worker says its wish: `{"engine", "tenant", "worker", "budget_s",
"wait_s"}`; the service answers `{"given", "refused"}` when a child is there. From then on both pass the messages of the run
on, and the service may end it with `{"error": {"code", "detail", "retry_after_s", "data"}}`. The worker closes the
connection when it is done, and says `"kill"` before where the child is not to be used again. A child that uses the word is
killed.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import (
    MeshError,
    SandboxBusy,
    SandboxCrashed,
    SandboxMemory,
    SandboxTimeout,
    SandboxUnavailable,
)
from workers.children.frames import FrameError

WORD = "sandbox"
KILL = "kill"
FRAME_ROOM_BYTES = 64 * 1024
"""What a word may take beside the largest message."""
_ERRORS = {kind.code: kind for kind in (SandboxBusy, SandboxCrashed, SandboxMemory, SandboxTimeout, SandboxUnavailable)}


@dataclass(frozen=True, slots=True)
class Wish:
    """For a child; see `Children.child`."""

    engine: str
    tenant: str
    worker: str
    """A name of the worker's own that nobody else has."""
    budget_s: float
    wait_s: float

    def word(self) -> dict[str, Any]:
        """As it crosses."""
        return {WORD: asdict(self)}


def wish_of(message: dict[str, Any]) -> Wish:
    """Raises FrameError for what is no wish."""
    said: Any = message.get(WORD)
    try:
        wish = Wish(**said)
    except TypeError as cause:
        raise FrameError("no wish for a child") from cause
    times = wish.budget_s, wish.wait_s
    names = wish.engine, wish.tenant, wish.worker
    fits = all(isinstance(each, int | float) and math.isfinite(each) and each >= 0 for each in times)
    if not (fits and all(isinstance(each, str) for each in names)):
        raise FrameError("no wish for a child")
    return wish


def error_word(error: MeshError) -> dict[str, Any]:
    """An error as it crosses."""
    shown = {"code": error.code, "detail": error.detail, "data": error.data, "retry_after_s": error.retry_after_s}
    return {WORD: {"error": shown}}


def error_of(said: Any) -> MeshError:
    """The error again; what is none of ours is a crash."""
    shown = said.get("error") if isinstance(said, dict) else None
    kind = _ERRORS.get(shown.get("code", "")) if isinstance(shown, dict) else None
    if kind is None or not isinstance(shown, dict):
        return SandboxCrashed("The sandbox service said something that is no answer.")
    return kind(str(shown.get("detail")), data=shown.get("data"), retry_after_s=shown.get("retry_after_s"))

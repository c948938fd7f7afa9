"""A job that this worker has leased: what the claim gave, before anything of it is believed."""

from dataclasses import dataclass

from shared import keys
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claim of one job."""

    queue: str
    job_id: str
    payload: bytes
    """arq's job dictionary; holds the signed envelope."""
    fence: int
    """How often the job was claimed so far, this time included."""
    mark: str
    """Lease under which an earlier run dispatched a write; empty when none did."""
    owner: str
    """Value of the lease while it is ours."""
    valid_until: float
    """Loop time until which the lease surely stands, unless it is renewed."""
    returned: int = 0
    """How often it was given back unexecuted."""
    epoch: str = ""
    """The broker's run id at the time of the claim; empty where it is not known."""

    @property
    def losses(self) -> int:
        """How many workers it lost: claims that came neither to an end nor back."""
        return max(self.fence - 1 - self.returned, 0)


@dataclass(frozen=True, slots=True)
class Discarded:
    """A job that the claim itself threw away because it could not be one of ours."""

    queue: str
    job_id: str
    reason: str


def read_claims(
    reply: list[bytes | int], worker: str, valid_until: float, epoch: str
) -> tuple[list[Claimed], list[Discarded]]:
    """Read the reply of the functions `claim` and `sweep`; `epoch` is the broker's run id that it came from."""
    claimed: list[Claimed] = []
    discarded: list[Discarded] = []
    for at in range(0, len(reply), 6):
        queue, job_id, payload, fence, mark, returned = reply[at : at + 6]
        name, jid, note = _text(queue), _text(job_id), _text(mark)
        if fence == 0:
            discarded.append(Discarded(name, jid, note))
        elif isinstance(payload, bytes) and isinstance(fence, int):
            owner = f"{worker}:{fence}"
            claimed.append(Claimed(name, jid, payload, fence, note, owner, valid_until, int(returned), epoch))
    return claimed, discarded


def mark_ms(settings: Settings) -> int:
    """How long the broker remembers of a job how often it was claimed, given back and sent."""
    return int((settings.exec_timeout_s + keys.MARK_TTL_EXTRA_S) * 1000)


def _text(value: bytes | int) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

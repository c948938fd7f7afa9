"""A job that this worker has leased: what the claim gave, before anything of it is believed."""

from dataclasses import dataclass


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
    """Fence under which an earlier run dispatched a write; empty when none did."""
    owner: str
    """Value of the lease while it is ours."""
    valid_until: float
    """Loop time until which the lease surely stands, unless it is renewed."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A job that the claim itself threw away because it could not be one of ours."""

    queue: str
    job_id: str
    reason: str


def read_claims(reply: list[bytes | int], worker: str, valid_until: float) -> tuple[list[Claimed], list[Discarded]]:
    """Read the reply of the functions `claim` and `sweep`."""
    claimed: list[Claimed] = []
    discarded: list[Discarded] = []
    for at in range(0, len(reply), 5):
        queue, job_id, payload, fence, mark = reply[at : at + 5]
        name, jid, note = _text(queue), _text(job_id), _text(mark)
        if fence == 0:
            discarded.append(Discarded(name, jid, note))
        elif isinstance(payload, bytes) and isinstance(fence, int):
            claimed.append(Claimed(name, jid, payload, fence, note, f"{worker}:{fence}", valid_until))
    return claimed, discarded


def _text(value: bytes | int) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""Whose a child is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """Shares and turns are the tenant's. But a child that one worker had is not used for another one, though the tenant be
    the same: at a sandbox service workers of several groups meet, and each knows what the others may not."""

    tenant: str
    worker: str = ""

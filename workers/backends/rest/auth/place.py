"""Where a way of authenticating finds what it needs."""

from dataclasses import dataclass

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.rest.auth.given import Given
from workers.backends.rest.wire import Wire
from workers.equipment import Equipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One backend of one worker."""

    entry: BackendEntry
    settings: Settings
    given: Given
    wire: Wire
    equipment: Equipment
    base_url: str
    """Without a slash at its end."""

"""Where a way of authenticating finds what it needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.rest.auth.given import Given
from workers.backends.rest.auth.sharing import SharedValue
from workers.backends.rest.wire import Wire
from workers.equipment import Equipment

T = TypeVar("T", bound=msgspec.Struct)


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

    def shared(self, kind: type[T], name: Callable[[str, str], str], made_of: Iterable[str]) -> SharedValue[T]:
        """What the workers of its group share under that name (`shared/rest_keys.py`)."""
        return SharedValue(self.equipment.line, self.equipment.ring, self.entry.group, kind, name, made_of)

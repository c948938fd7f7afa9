"""What a worker has for its backends, beside their entry, the settings and their credentials."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from shared.configuration import BackendEntry
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings
from workers.backends.backend import Backend, OpenBackend
from workers.children.children import Children
from workers.credentials import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """A kind of backend that wants some of it has a keyword parameter `equipment`."""

    children: Children
    """Processes that can be killed; none is started before the first backend asks for one."""
    line: RedisLine
    """The worker's line to the broker, for what workers share; open by the time that a backend is started."""
    ring: KeyRing
    """What is put on the broker is sealed, or encrypted, under the key of the backend's group."""


def open_with(kind: OpenBackend, entry: BackendEntry, settings: Settings, equipment: Equipment) -> Backend:
    """A backend of a kind, with what it asks for."""
    if "equipment" in inspect.signature(kind).parameters:
        return cast(Callable[..., Backend], kind)(entry, settings, Credentials(), equipment=equipment)
    return kind(entry, settings, Credentials())

"""A backend that this worker serves, and what it knows of it."""

from dataclasses import dataclass, field
from typing import Literal

from shared.catalogue import Catalogue, ToolDefinition
from shared.configuration import BackendEntry
from workers.backends.backend import Backend


@dataclass(slots=True)
class Served:
    """Mutable: the tools change as the upstream's do."""

    entry: BackendEntry
    backend: Backend
    tools: dict[str, ToolDefinition] = field(default_factory=dict)
    catalogue: Catalogue | None = None
    state: Literal["starting", "up", "failed"] = "starting"
    detail: str = ""

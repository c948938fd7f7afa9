"""A DADL file as the mesh uses it: checked, complete, frozen. The request side needs nothing else."""

import msgspec

from workers.backends.rest.dadl.about import Coverage, Example, Setup
from workers.backends.rest.dadl.auth import Auth
from workers.backends.rest.dadl.composite import Composite
from workers.backends.rest.dadl.health import Health
from workers.backends.rest.dadl.part import Json, Part
from workers.backends.rest.dadl.tool import Tool


class Definition(Part, frozen=True, kw_only=True):
    """One API. The order of tools is that of the file."""

    hash: str
    """SHA-256 of the file's bytes in hex, CRLF counted as LF."""
    spec: str
    """`0.1` or `0.2`."""
    name: str
    """As the file has it; the entry of backends.yaml says what the backend is called."""
    version: str = ""
    base_url: str = ""
    """Empty: the entry of backends.yaml has to say it."""
    description: str = ""
    auth: Auth
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Of every request."""
    tools: dict[str, Tool]
    composites: dict[str, Composite] = msgspec.field(default_factory=dict)
    types: dict[str, Json] = msgspec.field(default_factory=dict)
    """As they are written; in what tools return they are resolved."""
    health: Health | None = None
    examples: tuple[Example, ...] = ()
    workflows: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Tool → the examples that call it, each as a line: its name, and the tools in the order of their calls."""
    coverage: Coverage | None = None
    setup: Setup | None = None
    fragments: dict[str, str] = msgspec.field(default_factory=dict)
    """Path of each fragment that is in it → its content's hash."""
    credits: tuple[str, ...] = ()
    source_name: str = ""
    source_url: str = ""
    date: str = ""
    openapi_source: str = ""
    arazzo_source: str = ""

"""A DADL file as it is written (DADL 0.2, section 2): what `reading` makes of its nodes, before anything is made of it."""

import re
from typing import Annotated, Literal

import msgspec

from workers.backends.rest.dadl.about import Coverage, Example, Setup
from workers.backends.rest.dadl.auth import WrittenAuth
from workers.backends.rest.dadl.composite import WrittenComposite
from workers.backends.rest.dadl.failures import Errors
from workers.backends.rest.dadl.health import Health
from workers.backends.rest.dadl.pagination import Pagination
from workers.backends.rest.dadl.part import ForPeople, Json, Part, Told
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import WrittenTool


class Requires(Part, frozen=True, kw_only=True):
    """What the file can't do without."""

    toolmesh: str | None = None
    """A range of versions: `>=0.3, <2`."""
    features: tuple[str, ...] = ()


class Include(Part, frozen=True, kw_only=True):
    """A fragment: a file whose content is merged into a mapping of this one."""

    path: str
    merge_into: str
    """The way to that mapping, with dots: `backend.tools`."""
    overrides: dict[str, Json] = msgspec.field(default_factory=dict)


class Defaults(Part, frozen=True, kw_only=True):
    """What tools have that say nothing of their own."""

    headers: dict[str, Told] = msgspec.field(default_factory=dict)
    content_type: str | None = None
    nest_body_keys: bool = False
    pagination: Pagination | None = None
    errors: Errors | None = None
    response: Response | None = None


_PLACEHOLDERS = re.compile(r"[{}<>$\s]")


class WrittenBackend(Part, frozen=True, kw_only=True):
    """The block `backend`."""

    name: str
    type: Literal["rest"]
    version: Told = ""
    base_url: str = ""
    description: str = ""
    openapi_source: Annotated[str, ForPeople] = ""
    arazzo_source: Annotated[str, ForPeople] = ""
    auth: WrittenAuth | None = None
    health: Health | None = None
    defaults: Defaults = Defaults()
    types: dict[str, Json] = msgspec.field(default_factory=dict)
    tools: dict[str, WrittenTool] = msgspec.field(default_factory=dict)
    composites: dict[str, WrittenComposite] = msgspec.field(default_factory=dict)
    examples: Annotated[tuple[Example, ...], ForPeople] = ()
    coverage: Annotated[Coverage, ForPeople] | None = None
    hints: Annotated[dict[str, dict[str, Told]], ForPeople] = msgspec.field(default_factory=dict)
    setup: Annotated[Setup, ForPeople] | None = None
    scoping: Json = None

    @property
    def url(self) -> str:
        """`base_url` without slashes at its end; empty where a placeholder stands in it, which somebody has to fill in."""
        return "" if _PLACEHOLDERS.search(self.base_url) else self.base_url.rstrip("/")


class Document(Part, frozen=True, kw_only=True):
    """A whole file."""

    spec: str
    backend: WrittenBackend
    requires: Requires = Requires()
    credits: Annotated[tuple[str, ...], ForPeople] = ()
    source_name: Annotated[str, ForPeople] = ""
    source_url: Annotated[str, ForPeople] = ""
    date: Annotated[Told, ForPeople] = ""
    includes: tuple[Include, ...] = ()

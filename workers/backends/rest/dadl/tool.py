"""Tools: one HTTP operation each (DADL 0.2, tools), as written, and with the defaults of the backend in it."""

from typing import Literal

import msgspec

from workers.backends.rest.dadl.failures import Errors
from workers.backends.rest.dadl.pagination import Pagination
from workers.backends.rest.dadl.part import Json, Part, Size, Told
from workers.backends.rest.dadl.response import Response

PARAM_TYPES = ("string", "integer", "number", "boolean", "array", "object", "file_url")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

Place = Literal["path", "query", "header", "body"]


class WrittenParam(Part, frozen=True, kw_only=True):
    """A parameter as it stands in the file."""

    type: str | None = None
    place: Place | None = msgspec.field(default=None, name="in")
    required: bool = False
    default: Json = None
    description: str = ""


class Param(Part, frozen=True, kw_only=True):
    """A parameter of a tool."""

    type: str
    """One of `PARAM_TYPES`."""
    place: Place
    required: bool = False
    """Whether a caller has to give it; a path parameter without a default always."""
    default: Json = None
    """None where it has none."""
    description: str = ""
    schema: Json = None
    """JSON Schema of a type of the file that it is of, with its definitions under `$defs`; None for a plain one."""
    injected: bool = False
    """Whether it is the backend's pagination that brings it, not the tool."""


class Idempotency(Part, frozen=True, kw_only=True):
    """A header that carries a key, made once for a call and the same whenever its request is sent again."""

    header: str
    generate: Literal["uuid_v4"] = "uuid_v4"


class ToolKeys(Part, frozen=True, kw_only=True):
    """What a tool has, written or complete."""

    method: str
    path: str
    description: str = ""
    access: str | None = None
    max_body_size: Size | None = None
    depends_on: tuple[str, ...] = ()
    idempotency: Idempotency | None = None
    retry_unsafe: bool = False
    replaced_by: str | None = None


class WrittenTool(ToolKeys, frozen=True, kw_only=True):
    """A tool as it stands in the file."""

    params: dict[str, WrittenParam] = msgspec.field(default_factory=dict)
    content_type: str | None = None
    nest_body_keys: bool | None = None
    response: Response | None = None
    pagination: Pagination | Literal["none"] | None = None
    errors: Errors | None = None
    returns: Json = None
    """The name of a type, or a JSON Schema in which types stand by their names."""
    deprecated: Told = ""
    """`true`, `false`, or the reason."""


class Tool(ToolKeys, frozen=True, kw_only=True):
    """A tool with all that the file says of it; its own blocks replace those of `defaults` as a whole."""

    params: dict[str, Param] = msgspec.field(default_factory=dict)
    content_type: str | None = None
    """Of the request's body; None: JSON, where there is a body."""
    nest_body_keys: bool = False
    response: Response = Response()
    pagination: Pagination | None = None
    errors: Errors | None = None
    returns: Json = None
    """JSON Schema of the result, with the types that it needs under `$defs`; None where nothing is said."""
    returns_text: str = ""
    """The result's type in a word, for the description: the name of a type, or `T[]`."""
    deprecated: bool = False
    deprecation: str = ""
    """Why; empty where no reason is given."""
    hints: dict[str, str] = msgspec.field(default_factory=dict)

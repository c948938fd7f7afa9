"""How the body of a request is written, by its content type (RFC 9110 section 8.3)."""

from collections.abc import Mapping
from typing import Literal

from workers.backends.rest.dadl.tool import Tool

BodyKind = Literal["json", "form", "multipart", "raw"]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_JSON_SUBTYPES = frozenset({"json", "x-json"})


def body_kind(content_type: str) -> BodyKind:
    """What a body of that type is made of: of all body parameters, or (`raw`) of the one that is given."""
    media = content_type.partition(";")[0].strip().lower()
    subtype = media.partition("/")[2]
    if subtype in _JSON_SUBTYPES or subtype.endswith("+json"):
        return "json"
    if media == FORM:
        return "form"
    return "multipart" if media == MULTIPART else "raw"


def content_type_of(tool: Tool, headers: Mapping[str, str]) -> str:
    """The type of a tool's bodies: its own, or that of `defaults`; else, with a file in it, a form with parts; else what
    the `headers` of every request say; else JSON."""
    if tool.content_type is not None:
        return tool.content_type
    if any(param.type == "file_url" and param.place == "body" for param in tool.params.values()):
        return MULTIPART
    return next((value for name, value in headers.items() if name.lower() == "content-type"), JSON)

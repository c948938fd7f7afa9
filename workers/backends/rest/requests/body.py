"""The body of a request: one of four kinds, by the content type (`dadl/content_types.py`)."""

from collections.abc import Mapping
from typing import Any, Protocol

from workers.backends.rest.dadl.content_types import BodyKind, body_kind
from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.requests.form_body import FormBody
from workers.backends.rest.requests.json_body import JsonBody
from workers.backends.rest.requests.multipart_body import MultipartBody
from workers.backends.rest.requests.raw_body import RawBody


class Writer(Protocol):
    """Writes bodies of one kind."""

    def write(self, values: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """Body and content type; no body where nothing is left to say. Raises Failed (`invalid_input`)."""
        ...


class BodyPlan:
    """The body parameters of one tool."""

    def __init__(self, params: Mapping[str, Param], content_type: str, *, nest: bool) -> None:
        """`nest`: whether names with dots are objects in one another."""
        self.kind: BodyKind = body_kind(content_type)
        self._defaults = {name: param.default for name, param in params.items()}
        has_file = any(param.type == "file_url" for param in params.values())
        self._writer: Writer
        if self.kind == "multipart":
            self._writer = MultipartBody()
        elif self.kind == "raw" or has_file:
            self._writer = RawBody(content_type)
        elif self.kind == "form":
            self._writer = FormBody(content_type, params, nest=nest)
        else:
            self._writer = JsonBody(content_type, params, nest=nest)

    def write(self, arguments: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
        """Body and content type; None and None where no parameter of the body is there: the request has no body then."""
        values = {
            name: arguments.get(name, default)
            for name, default in self._defaults.items()
            if name in arguments or default is not None
        }
        if not values:
            return None, None
        body, content_type = self._writer.write(values)
        return (None, None) if body is None else (body, content_type)

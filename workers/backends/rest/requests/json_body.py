"""A JSON object of the body's parameters; null that was given stays."""

from collections.abc import Mapping
from typing import Any

import msgspec

from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.requests.nesting import Nesting

_encode = msgspec.json.Encoder().encode


class JsonBody:
    """Of one tool."""

    def __init__(self, content_type: str, params: Mapping[str, Param], *, nest: bool) -> None:
        self._content_type = content_type
        self._integers = frozenset(name for name, param in params.items() if param.type == "integer")
        self._nesting = Nesting(params) if nest else None

    def write(self, values: Mapping[str, Any]) -> tuple[bytes, str]:
        """The object."""
        # 2.0 is an integer to JSON Schema, and not to everybody who reads a request.
        whole = {
            name: int(value) if type(value) is float and name in self._integers else value for name, value in values.items()
        }
        return _encode(self._nesting.nested(whole) if self._nesting else whole), self._content_type

"""One tool, got ready for requests."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import yarl

from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.request import Request

_encode = msgspec.json.Encoder().encode
_NOTHING: Mapping[str, Any] = {}


class RequestPlan:
    """Made once for a tool of a definition; builds as many requests as there are calls and pages."""

    def __init__(self, tool: Tool, headers: Mapping[str, str], base_url: str) -> None:
        """`headers`: of every request of the backend; `base_url`: without a slash at its end."""
        self._tool = tool
        self._headers = headers
        self._base_url = base_url

    def build(self, arguments: Mapping[str, Any], query: Mapping[str, Any] = _NOTHING) -> Request:
        """The request for a call. `query`: what pagination says, which wins over arguments and defaults.

        Raises Failed (`invalid_input`), which names the argument.
        """
        path = self._tool.path
        members: dict[str, Any] = {}
        body: dict[str, Any] = {}
        for name, param in self._tool.params.items():
            value = arguments.get(name, param.default)
            if value is None:
                continue
            if param.place == "path":
                path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
            elif param.place == "query":
                members[name] = value
            elif param.place == "body":
                body[name] = value
        members.update(query)
        url = self._base_url + path + ("?" + urlencode(members) if members else "")
        return Request(
            method=self._tool.method,
            url=yarl.URL(url, encoded=True),
            headers=self._headers,
            body=_encode(body) if body else None,
        )

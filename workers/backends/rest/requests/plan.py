"""One tool, got ready for requests."""

from collections.abc import Collection, Mapping
from typing import Any

import yarl

from shared.listed_hosts import NO_HOSTS, ListedHosts
from workers.backends.rest.dadl.content_types import content_type_of
from workers.backends.rest.dadl.tool import Param, Place, Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.reader.sizes import BODY_BYTES_MAX
from workers.backends.rest.request import Request
from workers.backends.rest.requests.arguments import Declared
from workers.backends.rest.requests.body import BodyPlan
from workers.backends.rest.requests.body_limit import BodyLimit
from workers.backends.rest.requests.headers import HeaderPlan
from workers.backends.rest.requests.path import PathTemplate
from workers.backends.rest.requests.query import QueryPlan

_NOTHING: Mapping[str, Any] = {}


class RequestPlan:
    """Made once for a tool of a definition; builds as many requests as there are calls and pages."""

    def __init__(
        self,
        tool: Tool,
        headers: Mapping[str, str],
        base_url: str,
        *,
        secret_headers: Collection[str] = (),
        secret_query: Collection[str] = (),
        credential_hosts: ListedHosts = NO_HOSTS,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        """`headers`: of every request of the backend; `base_url`: without a slash at its end; `secret_…`: what holds the
        backend's credential, which no argument may fill; `credential_hosts`: where that may go beside the base URL's host;
        `body_bytes_max`: of any tool, whatever the file says.

        Raises ConfigurationError for a URL that can't be asked.
        """
        params = {
            name: param for name, param in tool.params.items() if not (param.place == "query" and name in secret_query)
        }
        self._method = tool.method
        self._path = PathTemplate(tool.path, _at("path", params), base_url, credential_hosts)
        self._query = QueryPlan(_at("query", params))
        self._headers = HeaderPlan(headers, _at("header", params), secret_headers)
        self._body = BodyPlan(_at("body", params), content_type_of(tool, headers), nest=tool.nest_body_keys)
        self._declared = Declared(params, nullable=self._body.kind == "json")
        self.limit = BodyLimit(body_bytes_max, tool.max_body_size)
        self.files = tuple(name for name, param in _at("body", params).items() if param.type == "file_url")
        """Parameters whose URLs are to be fetched before a request is built: `File`s take their places."""

    def build(self, arguments: Mapping[str, Any], query: Mapping[str, Any] = _NOTHING) -> Request:
        """The request for a call. `query`: what pagination says, which wins over arguments and defaults; null in it leaves
        a parameter out.

        Raises Failed (`invalid_input`), which names the argument.
        """
        self._declared.check(arguments)
        try:
            return self._built(arguments, query)
        except UnicodeEncodeError:
            raise Failed(
                "invalid_input", "An argument holds half of a surrogate pair, which is no text. Remove it."
            ) from None

    def _built(self, arguments: Mapping[str, Any], query: Mapping[str, Any]) -> Request:
        url = self._path.url(arguments)
        if members := self._query.text(arguments, query):
            url = f"{url}{self._path.joint}{members}"
        body, content_type = self._body.write(arguments)
        if body is not None:
            self.limit.check(body)
        return Request(
            method=self._method,
            url=yarl.URL(url, encoded=True),
            headers=self._headers.headers(arguments, content_type),
            body=body,
            elsewhere=self._path.elsewhere,
            foreign=self._path.foreign,
        )


def _at(place: Place, params: Mapping[str, Param]) -> dict[str, Param]:
    return {name: param for name, param in params.items() if param.place == place}

"""Where a request goes: a URL, in which each parameter of the path is one segment, or a part of one, and nothing else.

No argument reaches scheme, host, port or the number of segments: everything but letters, digits and `-._~` is
percent-encoded (RFC 3986 section 2.1), and a segment of `.` or `..`, which the other side would resolve (section 5.2.4),
is refused.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import yarl

from shared.errors import ConfigurationError
from shared.listed_hosts import NO_HOSTS, ListedHosts
from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.texts import text_of

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_WRITTEN = "/?:@!$&'()*+,;=%[]|-._~"
"""What stands in the path of a file as it is meant; all else is encoded."""


class PathTemplate:
    """The URL of one tool, without what its query parameters add."""

    def __init__(
        self, path: str, params: Mapping[str, Param], base_url: str, credential_hosts: ListedHosts = NO_HOSTS
    ) -> None:
        """`credential_hosts`: where the credential may go beside the base URL's host.

        Raises ConfigurationError for a host that would depend on arguments, and for a base URL that is none.
        """
        origin, path = _split(path, base_url)
        path, question, query = path.partition("?")
        self._fixed = not _PLACEHOLDER.search(path + query)
        self._path = [_piece(at, piece, params) for at, piece in enumerate(_PLACEHOLDER.split(path))]
        self._query = [_piece(at, piece, params) for at, piece in enumerate(_PLACEHOLDER.split(query))]
        self.joint = "&" if query else "" if question else "?"
        """What stands before a further parameter of the query."""
        base = check_base_url(base_url)
        self.elsewhere = yarl.URL(origin) != base.origin()
        """Whether it is not at the origin of the base URL."""
        self.foreign = self.elsewhere and _is_foreign(yarl.URL(origin), base, credential_hosts)
        """Whether the credential of the backend stays behind."""
        self._start = origin
        self._question = question
        if self._fixed:
            self._start += "".join(map(str, self._path)) + question + "".join(map(str, self._query))

    def url(self, arguments: Mapping[str, Any]) -> str:
        """Raises Failed (`invalid_input`) for a parameter that can't be a part of a path."""
        if self._fixed:
            return self._start
        path = "".join([piece if isinstance(piece, str) else piece.encoded(arguments) for piece in self._path])
        if _DOTS.search(path):
            raise Failed("invalid_input", f"{self._named()} can't be `.` or `..`: that would be another path.")
        if not self._question:
            return self._start + path
        query = "".join([piece if isinstance(piece, str) else piece.encoded(arguments) for piece in self._query])
        return f"{self._start}{path}?{query}"

    def _named(self) -> str:
        names = [f"`{piece.name}`" for piece in self._path if isinstance(piece, _Part)]
        return f"The parameter {names[0]}" if len(names) == 1 else f"One of the parameters {', '.join(names)}"


class _Part:
    """A parameter in a path."""

    def __init__(self, name: str, default: Any) -> None:
        self.name = name
        self._default = default

    def encoded(self, arguments: Mapping[str, Any]) -> str:
        value = arguments.get(self.name)
        if value is None:
            value = self._default
        if value is None:
            raise self._failed("is missing, and is a part of the path. Give it")
        if isinstance(value, list | dict):
            raise self._failed("is a part of the path. Give a single value")
        text = text_of(value)
        if not text:
            raise self._failed("is empty, and is a part of the path. Give a value")
        return quote(text, safe="")

    def _failed(self, what: str) -> Failed:
        return Failed("invalid_input", f"The parameter `{self.name}` {what}.")


def _piece(at: int, piece: str, params: Mapping[str, Param]) -> "str | _Part":
    """What `re.split` gives: texts at even places, names between them."""
    if at % 2 == 0:
        return quote(piece, safe=_WRITTEN)
    return _Part(piece, params[piece].default if piece in params else None)


def _split(path: str, base_url: str) -> tuple[str, str]:
    """Origin, and path from there. A path that is a whole URL stands for itself."""
    if "://" in path.partition("{")[0]:
        scheme, _, rest = path.partition("://")
        authority = re.match(r"[^/?#]*", rest)
        assert authority is not None
        return _origin(f"{scheme}://{authority[0]}"), rest[authority.end() :] or "/"
    base = check_base_url(base_url)
    return _origin(base_url), base.raw_path.rstrip("/") + "/" + path.removeprefix("/")


def _is_foreign(url: yarl.URL, base: yarl.URL, credential_hosts: ListedHosts) -> bool:
    """A file is published by others: a URL in it draws no credential to a host that the operator did not name."""
    return url.scheme not in ("https", base.scheme) or not credential_hosts.has(url.raw_host or "", url.port or 0)


def _origin(url: str) -> str:
    if "{" in url:
        raise ConfigurationError(
            f"The host of `{url[:80]}` depends on a parameter. Write the host, or a tool for each one."
        )
    return str(check_base_url(url).origin())


def check_base_url(url: str) -> yarl.URL:
    """The URL before all paths. Raises ConfigurationError for one that nothing can be put behind."""
    try:
        base = yarl.URL(url)
        base.origin()
    except ValueError:
        raise ConfigurationError(f"`{url[:80]}` is no http or https URL with a host.") from None
    if base.scheme not in ("http", "https"):
        raise ConfigurationError(f"`{url[:80]}` is no http or https URL with a host.")
    if base.raw_query_string or base.raw_fragment:
        raise ConfigurationError(f"`{url[:80]}` has a query or a fragment, which no path can be put behind. Remove it.")
    return base

"""One request that is to be sent."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import yarl

_WHOLE_BODY_BYTES = 1024 * 1024
"""A larger body is handed to aiohttp as a stream, or it warns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is sent, and what of it is for its origin alone. Its repr shows nothing that may hold a credential."""

    method: str
    url: yarl.URL = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    secret_headers: frozenset[str] = frozenset()
    """Headers that hold a credential, in lower case, beside those that always do (`redirects.py`)."""
    secret_query: frozenset[str] = frozenset()
    """Members of the query that hold a credential."""
    again: bool = False
    """Whether it may be sent once more over a new connection when its own broke before an answer."""
    strange: bool = False
    """Whether the URL came out of arguments, an answer or a file beside its `base_url`, instead of the operator's hand."""
    verified: bool = False
    """Whether its certificate counts whatever `tls_skip_verify` says, which is for the backend's own URL."""

    @property
    def data(self) -> bytes | io.BytesIO | None:
        """The body as aiohttp takes it."""
        return io.BytesIO(self.body) if self.body is not None and len(self.body) > _WHOLE_BODY_BYTES else self.body


def port_of(url: yarl.URL) -> int:
    """The port that a URL leads to."""
    return url.port or 0

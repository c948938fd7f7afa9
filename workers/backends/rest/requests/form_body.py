"""A form (`application/x-www-form-urlencoded`): what is nested has its way in brackets, `a[b]=1`, `list[0]=x`; null is left
out."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.requests.nesting import Nesting
from workers.backends.rest.requests.texts import text_of


class FormBody:
    """Of one tool."""

    def __init__(self, content_type: str, params: Mapping[str, Param], *, nest: bool) -> None:
        self._content_type = content_type
        self._nesting = Nesting(params) if nest else None

    def write(self, values: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """The pairs, in the order of the file; none where all is null or empty."""
        nested = self._nesting.nested(values) if self._nesting else values
        pairs = [pair for name, value in nested.items() for pair in flattened(name, value)]
        text = "&".join([f"{quote_plus(name)}={quote_plus(said)}" for name, said in pairs])
        return (text.encode() if pairs else None), self._content_type


def flattened(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Name and text of each single value. JSON that came through an edge is no deeper than its limit."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(f"{name}[{key}]", inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from flattened(f"{name}[{at}]", inner)
    elif value is not None:
        yield name, text_of(value)

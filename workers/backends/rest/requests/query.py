"""The query of a request: declared parameters alone, each form-escaped (WHATWG URL, application/x-www-form-urlencoded).

A list repeats its name, an object is JSON text, null is left out.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.requests.texts import texts_of


class QueryPlan:
    """The query parameters of one tool, in the order of the file."""

    def __init__(self, params: Mapping[str, Param]) -> None:
        self._members = tuple((name, quote_plus(name), param.default) for name, param in params.items())
        self._names = frozenset(params)

    def text(self, arguments: Mapping[str, Any], over: Mapping[str, Any]) -> str:
        """Without the `?`. `over` wins, also over what is not declared, which comes last; null in it leaves out."""
        pairs: list[str] = []
        for name, quoted, default in self._members:
            value = over[name] if name in over else arguments.get(name, default)
            if value is None:
                continue
            if type(value) is str:
                pairs.append(f"{quoted}={quote_plus(value)}")
            else:
                pairs.extend([f"{quoted}={quote_plus(text)}" for text in texts_of(value)])
        for name, value in over.items():
            if name not in self._names and value is not None:
                pairs.extend([f"{quote_plus(name)}={quote_plus(text)}" for text in texts_of(value)])
        return "&".join(pairs)

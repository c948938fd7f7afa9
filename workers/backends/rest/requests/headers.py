"""The headers of a request: those of every request, then what parameters say, then the body's Content-Type."""

from collections.abc import Collection, Mapping
from typing import Any

from shared.errors import InvalidArguments
from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.failed import Failed
from workers.backends.rest.reader.header_names import is_transport
from workers.backends.rest.requests.texts import texts_of
from workers.egress.argument_headers import argument_header

_CONTENT_TYPE = "content-type"


class HeaderPlan:
    """The headers of one tool."""

    def __init__(self, headers: Mapping[str, str], params: Mapping[str, Param], secret: Collection[str]) -> None:
        """`headers`: of every request; `secret`: headers that no argument may fill, beside those that none ever may."""
        self._always = {name: value for name, value in headers.items() if not is_transport(name)}
        self._bodied = {name: value for name, value in self._always.items() if name.lower() != _CONTENT_TYPE}
        """Of a request with a body, which says itself what it is."""
        self._params = tuple((name, param.default, param.required) for name, param in params.items())
        self._secret = frozenset({_CONTENT_TYPE, *secret})

    def headers(self, arguments: Mapping[str, Any], content_type: str | None) -> Mapping[str, str]:
        """`content_type`: of the body; None where there is none. Raises Failed (`invalid_input`)."""
        base = self._always if content_type is None else self._bodied
        given = self._given(arguments) if self._params else {}
        if given:
            lower = {name.lower() for name in given}
            base = {name: value for name, value in base.items() if name.lower() not in lower}
        if content_type is None:
            return {**base, **given} if given else base
        return {**base, **given, "Content-Type": content_type}

    def _given(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for name, default, required in self._params:
            value = arguments.get(name, default)
            text = "" if value is None else ",".join(texts_of(value))
            if text:
                found[name] = self._checked(name, text)
            elif required:
                raise Failed("invalid_input", f"The required parameter `{name}`, a header, is missing or empty. Give it.")
        return found

    def _checked(self, name: str, text: str) -> str:
        try:
            return argument_header(name, text, secret=self._secret)[1]
        except InvalidArguments as wrong:
            raise Failed("invalid_input", wrong.detail) from None

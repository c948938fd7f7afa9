"""What a caller gave, held against what a tool declares.

An edge has done that by the tool's schema already. This is for requests that no edge has seen (a composite's, a health
check's), and so that no request is built on what is not there.
"""

from collections.abc import Mapping
from typing import Any

from shared.yaml_structs import nearest
from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.file import File

_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int, float}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "file_url": frozenset({str, File}),
}
_ANY = frozenset({str, int, float, bool, list, dict})
"""Of a parameter whose type is one of the file: its schema says more than a single word."""
_KINDS: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}
_NAME_CHARS_MAX = 80


class Declared:
    """The parameters of one tool."""

    def __init__(self, params: Mapping[str, Param], *, nullable: bool) -> None:
        """`nullable`: whether null says something in the body, as it does in JSON."""
        self._params = params
        self._types = {name: _ANY if param.schema is not None else _TYPES[param.type] for name, param in params.items()}
        self._nullable = frozenset(name for name, param in params.items() if nullable and param.place == "body")
        self._required = tuple(name for name, param in params.items() if param.required)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises Failed (`invalid_input`), which names the argument, and the one that may have been meant."""
        for name, value in arguments.items():
            types = self._types.get(name)
            if types is None:
                raise Failed("invalid_input", self._undeclared(name))
            if value is not None and (type(value) not in types or not self._is_whole(name, value)):
                raise Failed("invalid_input", self._mistyped(name, value))
        for name in self._required:
            if arguments.get(name) is None and not (name in arguments and self._says_null(name)):
                raise Failed("invalid_input", self._missing(name, arguments))

    def _is_whole(self, name: str, value: Any) -> bool:
        return type(value) is not float or self._params[name].type != "integer" or value.is_integer()

    def _says_null(self, name: str) -> bool:
        return name in self._nullable and self._params[name].schema is not None

    def _undeclared(self, name: str) -> str:
        return f"There is no parameter `{name[:_NAME_CHARS_MAX]}`.{nearest(name, self._params) or self._listed()}"

    def _listed(self) -> str:
        names = ", ".join(f"`{name}`" for name in self._params)
        return f" There are {names}." if names else " The tool takes no arguments."

    def _mistyped(self, name: str, value: Any) -> str:
        wanted, found = self._params[name].type, _KINDS.get(type(value), "something else")
        wanted = "text with a URL" if wanted == "file_url" else wanted
        return f"The parameter `{name}` must be of type {wanted}, not {found}."

    def _missing(self, name: str, arguments: Mapping[str, Any]) -> str:
        # An argument of another name can't be there: it would have been undeclared.
        given = " null stands for nothing." if name in arguments else ""
        return f"The required parameter `{name}` is missing.{given} Give it."

"""A body that is one value: of a content type that is neither JSON nor a form, or a file that is sent as it is."""

from collections.abc import Mapping
from typing import Any

from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.file import File
from workers.backends.rest.requests.texts import text_of


class RawBody:
    """Of one tool."""

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type

    def write(self, values: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """The file's bytes, a text in UTF-8, or JSON; none for null."""
        given = {name: value for name, value in values.items() if value is not None}
        if len(given) > 1:
            names = ", ".join(f"`{name}`" for name in given)
            raise Failed(
                "invalid_input",
                f"A body of type {self._content_type} is one value, and {names} are given. Give one of them.",
            )
        for value in given.values():
            return (value.body if isinstance(value, File) else text_of(value).encode()), self._content_type
        return None, self._content_type

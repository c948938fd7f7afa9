"""The items of all pages of a list that were read, as they are written."""

from collections.abc import Sequence

from workers.backends.rest.answer import Answer
from workers.backends.rest.dadl.json_path import Segment
from workers.backends.rest.response.selection import ARRAY, UNREADABLE, check, items_of, kind_of, taken
from workers.backends.rest.response.text import utf8
from workers.backends.rest.selecting import NotThere

_VALUES_MAX = 500_000
"""Commas of one page: to count its items, each becomes an object for a moment."""


class Items:
    """Those of one page."""

    def __init__(self, text: bytes, count: int) -> None:
        """`text`: JSON array."""
        self.text = text
        self.count = count


def items_in(answer: Answer, segments: Sequence[Segment]) -> Items | None:
    """The items of an answer, where `result_path` leads; None where there is no list."""
    try:
        body = utf8(answer.body, answer)
        check(body)
        found = taken(segments, body)
        if kind_of(found) != ARRAY or found.count(b",") > _VALUES_MAX:
            return None
        return Items(found.strip(), len(items_of(found)))
    except (NotThere, *UNREADABLE):
        return None


class Gathered:
    """Mutable: grows page by page."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._newest: bytes | None = None
        self.pages = 0
        self.items = 0
        self.bytes = 0

    def add(self, items: Items) -> None:
        """A further page."""
        inner = items.text[1:-1].strip()
        if inner:
            self._parts.append(inner)
        self._newest = items.text
        self.pages += 1
        self.items += items.count
        self.bytes += len(items.text)

    def repeats(self, items: Items) -> bool:
        """Whether a page is the newest one once more."""
        return items.count > 0 and items.text == self._newest

    @property
    def document(self) -> bytes:
        """All items: a JSON array."""
        return b"[" + b",".join(self._parts) + b"]"

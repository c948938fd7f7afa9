"""What an answer says of further pages: in its body, or in headers (DADL 0.2, pagination, `response`)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import yarl

from workers.backends.rest.answer import Answer
from workers.backends.rest.dadl.condition import parse_condition
from workers.backends.rest.dadl.json_path import Segment, parse_json_path
from workers.backends.rest.dadl.pagination import PageResponse
from workers.backends.rest.pages.conditions import Value, holds
from workers.backends.rest.pages.links import BadLink, next_link
from workers.backends.rest.response.selection import UNREADABLE, child_of
from workers.backends.rest.selecting import MISSING, NotThere, select

_decode = msgspec.json.Decoder().decode
_segments = lru_cache(4096)(parse_json_path)
_condition = lru_cache(4096)(parse_condition)
_NUMBER_CHARS_MAX = 15


class Signs:
    """Those of one answer. Each is looked for when it is asked for, and what can't be understood says nothing."""

    def __init__(self, answer: Answer, says: PageResponse) -> None:
        self._answer = answer
        self._says = says

    @property
    def cursor(self) -> Value:
        """What `next_cursor` finds; MISSING for nothing."""
        return MISSING if self._says.next_cursor is None else self._value(_segments(self._says.next_cursor))

    @property
    def more(self) -> bool | None:
        """What `has_more` says; None where it says nothing."""
        return None if self._says.has_more is None else holds(_condition(self._says.has_more), self._value)

    @property
    def total_pages(self) -> int | None:
        """Of the whole list."""
        return self._number(self._says.total_pages_header)

    @property
    def total_count(self) -> int | None:
        """Items of the whole list."""
        return self._number(self._says.total_count_header)

    @property
    def has_links(self) -> bool:
        """Whether it has links to other pages, so that one without a next one is the last."""
        return "Link" in self._answer.headers

    def link(self) -> yarl.URL | None:
        """The next page as its `Link` header names it (RFC 8288). Raises BadLink for what is not followed."""
        return next_link(self._answer)

    @property
    def links_on(self) -> bool | None:
        """Whether its links say that there is a further page; None where it has none."""
        if not self.has_links:
            return None
        try:
            return self.link() is not None
        except BadLink:
            return True

    def _value(self, segments: Sequence[Segment]) -> Value:
        node: Any = self._answer.body
        try:
            for at, segment in enumerate(segments):
                if segment is True:
                    return select(segments[at:], _decode(node))
                node = child_of(node, segment)
                if node is None:
                    return MISSING
            return _decode(node)
        except (NotThere, *UNREADABLE):
            return MISSING

    def _number(self, header: str | None) -> int | None:
        text = self._answer.headers.get(header, "").strip() if header is not None else ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_CHARS_MAX else None

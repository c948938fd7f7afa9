"""Where a list goes on: the way from one page to the next, by the strategy of the file (DADL 0.2, pagination)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yarl

from workers.backends.rest.dadl.pagination import Pagination
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.pages.links import BadLink
from workers.backends.rest.pages.signs import Signs
from workers.backends.rest.selecting import MISSING

_FIRST = {"offset": 0, "page": 1}
_POSITION_MAX = 10**15
_CURSOR_CHARS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Further:
    """There is a further page."""

    query: Mapping[str, Any] = field(default_factory=dict)
    """What is to be put into the query for it."""
    url: yarl.URL | None = None
    """Its URL, where the API gives one whole."""
    sure: bool = True
    """Whether the API said so; otherwise nothing says that there is none."""


@dataclass(frozen=True, slots=True)
class Stop:
    """There is none, or none that can be read."""

    why: str = ""
    """Why what was read is not all, as the end of a sentence; empty where it is."""


class Walk:
    """Mutable: the way through one list."""

    def __init__(self, tool: Tool, pagination: Pagination, arguments: Mapping[str, Any]) -> None:
        self._pagination = pagination
        self._strategy = pagination.strategy
        self._param = pagination.position_param or ""
        self._limit_param = pagination.request.limit_param
        given = {name: tool.params[name].default for name in (self._param, self._limit_param) if name in tool.params}
        given |= {name: arguments[name] for name in given if arguments.get(name) is not None}
        self._given_limit = given.get(self._limit_param or "")
        self._limit = whole(pagination.request.limit_default if self._given_limit is None else self._given_limit)
        default = tool.params[self._param].default if self._param in tool.params else None
        self._first = whole(_FIRST.get(self._strategy) if default is None else default)
        position = given.get(self._param)
        self._at = self._first if position is None else whole(position)
        self._seen: set[str] = set() if position is None else {str(position)}

    def first(self) -> Mapping[str, Any]:
        """What is to be put into the query for the page that the caller asked for."""
        default = self._pagination.request.limit_default
        if self._limit_param is None or default is None or self._given_limit is not None:
            return {}
        return {self._limit_param: default}

    def after(self, signs: Signs, items: int | None) -> Further | Stop:
        """Where it goes on after a page with so many items; None: it has no list of them."""
        if self._strategy == "link_header":
            return self._by_link(signs)
        if self._strategy == "cursor":
            return self._by_cursor(signs)
        return self._by_number(signs, items)

    def _by_cursor(self, signs: Signs) -> Further | Stop:
        if signs.more is False:
            return Stop()
        cursor = signs.cursor
        if cursor is MISSING or not cursor:
            return Stop("the API says that there is more, and not where") if signs.more else Stop()
        if isinstance(cursor, bool | list | dict):
            return Stop("what should name the next page is no text")
        text = _of_link(str(cursor), self._param)
        if len(text) > _CURSOR_CHARS_MAX:
            return Stop(f"the name of the next page has more than {_CURSOR_CHARS_MAX} characters")
        return self._unseen(text, Further({**self.first(), self._param: text}))

    def _by_link(self, signs: Signs) -> Further | Stop:
        try:
            url = signs.link()
        except BadLink as bad:
            return Stop(str(bad))
        return Stop() if url is None else self._unseen(str(url), Further(url=url))

    def after_cut(self, items: int) -> Further | Stop:
        """The same by offset, where a page had more items than the first ones that are shown: it goes on at the next."""
        if self._at is None or not self._param or self._at + items > _POSITION_MAX:
            return Stop("the tool gives no more items of a page (`max_items`)")
        return Further({**self.first(), self._param: self._at + items})

    def _by_number(self, signs: Signs, items: int | None) -> Further | Stop:
        if items == 0:
            return Stop("the API says that there is more, and gives a page without items" if signs.more else "")
        if self._at is None:
            return Stop()
        step = 1 if self._strategy == "page" else items if items is not None else self._limit
        if not step or not self._param:
            return Stop()
        further = self._at + step
        more = self._said(signs, further, items)
        if more is False or (more is None and (items is None or (self._limit is not None and items < self._limit))):
            return Stop()
        if further > _POSITION_MAX:
            return Stop()
        self._at = further
        return Further({**self.first(), self._param: further}, sure=more is True)

    def _said(self, signs: Signs, further: int, items: int | None) -> bool | None:
        """What the API says of whether there is more; what is in the body counts before headers."""
        if (more := signs.more) is not None:
            return more
        if self._strategy == "page" and (pages := signs.total_pages) is not None:
            return further - (self._first or 0) < pages
        if (count := signs.total_count) is not None:
            if self._strategy == "offset":
                return further < count
            if self._limit is not None and items is not None:
                return (further - 1 - (self._first or 0)) * self._limit + items < count
        return signs.links_on

    def _unseen(self, name: str, further: Further) -> Further | Stop:
        if name in self._seen:
            return Stop("the API names a page again that was read already")
        self._seen.add(name)
        return further


def whole(value: Any) -> int | None:
    """Also of a text; None for what is no position or size."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 15:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _POSITION_MAX else None


def _of_link(cursor: str, param: str) -> str:
    """The cursor in the URL of the next page, where an API gives that in place of the cursor."""
    if "://" not in cursor and not cursor.startswith(("/", "?")):
        return cursor
    try:
        return yarl.URL(cursor).query.get(param, cursor)
    except ValueError:
        return cursor

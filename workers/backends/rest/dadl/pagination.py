"""How a list is read page by page (DADL 0.2, pagination)."""

from typing import Literal

from workers.backends.rest.dadl.part import Condition, JsonPath, Part

PAGES_USUAL = 20
PAGES_MAX = 50
"""Whatever a file says."""


class PageRequest(Part, frozen=True, kw_only=True):
    """The parameters of the query that say which page is meant."""

    cursor_param: str | None = None
    offset_param: str | None = None
    page_param: str | None = None
    limit_param: str | None = None
    limit_default: int | None = None


class PageResponse(Part, frozen=True, kw_only=True):
    """Where an answer says whether there is more: in its body, or in headers."""

    next_cursor: JsonPath | None = None
    has_more: Condition | None = None
    total_pages_header: str | None = None
    total_count_header: str | None = None


class Pagination(Part, frozen=True, kw_only=True):
    """`auto`: the worker reads all pages; `expose`: the caller asks for one, with parameters of the tool."""

    strategy: Literal["cursor", "offset", "page", "link_header"]
    request: PageRequest = PageRequest()
    response: PageResponse = PageResponse()
    behavior: Literal["auto", "expose"] = "expose"
    max_pages: int = PAGES_USUAL

    @property
    def position_param(self) -> str | None:
        """The parameter that says which page: of pages and offsets, too, published files write it as `cursor_param`."""
        own = {"offset": self.request.offset_param, "cursor": None}.get(self.strategy, self.request.page_param)
        return own or self.request.cursor_param

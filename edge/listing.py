"""tools/list, prompts/list, resources/list, resources/templates/list: what a principal may use, in a fixed order, page by
page (MCP, server utilities, "Pagination")."""

import base64
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from edge.authorize import may_reach, may_use
from edge.directory import Directory
from edge.names import inner_uri
from edge.shelf import Item
from shared.catalogue import canonical_name
from shared.errors import InvalidParams
from shared.identity import Principal

Kind = Literal["tools", "prompts", "resources", "resourceTemplates"]
"""The member of the result that holds the list."""


class Listing:
    """Lists of one edge."""

    def __init__(self, directory: Directory, page_items: int, own_tools: Mapping[str, Item] | None = None) -> None:
        """`own_tools`: of the edge itself, for everybody at the endpoint of all backends."""
        self._directory = directory
        self._page_items = page_items
        self._own_tools = own_tools or {}

    def page(
        self, kind: Kind, principal: Principal, backend: str | None, cursor: object, *, cuts: bool = False
    ) -> dict[str, Any]:
        """One page of a list as its result. `backend`: the one of a transparent endpoint, or None for all of them.

        The cursor names the last item of the page before. `cuts`: the client is known to cut calls, so that any tool may
        answer with a handle, which no outputSchema of a tool's own allows. Raises InvalidParams for a cursor that is none.
        """
        items = dict(self._aggregated(kind, principal) if backend is None else self._own(kind, principal, backend))
        if kind == "tools" and backend is None and self._own_tools:
            items = dict(sorted({**items, **self._own_tools}.items()))
        names = list(items)
        start = 0 if cursor is None else bisect_right(names, _name_in(cursor))
        page = names[start : start + self._page_items]
        result: dict[str, Any] = {kind: [_without_schema(items[name]) if cuts else items[name] for name in page]}
        if start + self._page_items < len(names):
            result["nextCursor"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
        return result

    def _aggregated(self, kind: Kind, principal: Principal) -> Iterable[tuple[str, Item]]:
        known = self._directory
        if kind == "tools":
            return ((name, tool.listed) for name, tool in known.tools.items() if may_use(principal, name))
        if kind == "prompts":
            return ((name, item) for name, (_, item) in known.prompts.items() if may_use(principal, name))
        table = known.resources if kind == "resources" else known.templates
        return ((uri, item) for uri, item in table.items() if may_reach(principal, _backend_of(uri)))

    def _own(self, kind: Kind, principal: Principal, backend: str) -> Iterable[tuple[str, Item]]:
        shelf = self._directory.shelves.get(backend)
        if shelf is None:
            return ()
        if kind == "tools":
            tools = shelf.tools.items()
            return ((name, tool.listed_plain) for name, tool in tools if may_use(principal, tool.name))
        if kind == "prompts":
            prompts = shelf.prompts.items()
            return ((n, item) for n, item in prompts if may_use(principal, canonical_name(backend, n)))
        table = shelf.resources if kind == "resources" else shelf.templates
        return table.items() if may_reach(principal, backend) else ()


def _without_schema(item: Item) -> Item:
    """A tool as it is, but for its outputSchema; other things have none."""
    return {name: value for name, value in item.items() if name != "outputSchema"} if "outputSchema" in item else item


def _backend_of(uri: str) -> str:
    found = inner_uri(uri)
    return found[0] if found else ""


def _name_in(cursor: object) -> str:
    if isinstance(cursor, str) and len(cursor) <= 4096:
        try:
            return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
        except ValueError:  # not ASCII, not base64, or not UTF-8
            pass
    raise InvalidParams("The cursor is not one of this server's. Start again without a cursor.")

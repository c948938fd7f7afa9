"""tools/list, prompts/list, resources/list, resources/templates/list: what a principal may use, in a fixed order, page by
page (MCP, server utilities, "Pagination")."""

import base64
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

from edge.authorize import ANONYMOUS, Authorizer
from edge.backend_names import Listed, View
from edge.direct import Direct
from edge.directory import Directory
from edge.names import inner_uri
from edge.shelf import Item
from edge.tool import callable_by_anyone, mark_of
from shared.catalogue import canonical_name
from shared.errors import InvalidParams
from shared.identity import Principal

LIST_VERSION = "toolmesh/listVersion"
Kind = Literal["tools", "prompts", "resources", "resourceTemplates"]
"""The member of the result that holds the list."""


class Listing:
    """Lists of one edge."""

    def __init__(
        self,
        directory: Directory,
        authorizer: Authorizer,
        page_items: int,
        own_tools: Callable[[Principal], Mapping[str, Item]] = lambda principal: {},
        *,
        direct: Direct | None = None,
        anonymous: bool = False,
    ) -> None:
        """`own_tools`: of the edge itself, as they are listed for somebody at the endpoint of all backends. `direct`: which
        of the backends' are, there. `anonymous`: whether somebody may come in who did not log in."""
        self._directory = directory
        self._authorizer = authorizer
        self._page_items = page_items
        self._own_tools = own_tools
        self._direct = direct or Direct(directory, authorizer)
        self._anonymous = anonymous

    def page(
        self,
        kind: Kind,
        principal: Principal,
        backend: str | None,
        cursor: object,
        *,
        bare: bool = False,
        view: View = "plain",
    ) -> dict[str, Any]:
        """One page of a list as its result. `backend`: the one of a transparent endpoint, or None for all of them.

        The cursor names the last item of the page before. `bare`: any tool may answer this client with something else than
        its result (a handle, a page), which no outputSchema of its own allows: none is listed. `view`: how it sees a
        transparent endpoint; at that of all backends everybody sees the same. Raises InvalidParams for a cursor that is not
        ours.
        """
        if kind == "tools":
            tools = self._tools(principal, backend, view)
            items = {name: listed.item for name, listed in tools.items()}
            ours = self._own_tools(principal) if backend is None else {}
            if ours:
                items = dict(sorted({**items, **ours}.items()))
        else:
            tools, ours = {}, {}
            items = dict(self._aggregated(kind, principal) if backend is None else self._own(kind, principal, backend))
        names = list(items)
        start = 0 if cursor is None else bisect_right(names, _name_in(cursor))
        page = names[start : start + self._page_items]
        shown = [self._shown(name, items[name], tools.get(name)) if kind == "tools" else items[name] for name in page]
        result: dict[str, Any] = {kind: [_without_schema(item) for item in shown] if bare else shown}
        if kind == "tools":
            result["_meta"] = {LIST_VERSION: self._version(tools.values(), ours.values(), bare=bare)}
        if start + self._page_items < len(names):
            result["nextCursor"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
        return result

    def _tools(self, principal: Principal, backend: str | None, view: View) -> dict[str, Listed]:
        if backend is None:
            return self._direct.tools(principal)
        names, authorizer = self._directory.names.get(backend), self._authorizer
        listed = names.listed(view) if names is not None else {}
        return {
            name: each for name, each in listed.items() if authorizer.may_use(principal, each.tool.name, each.tool.access)
        }

    def _aggregated(self, kind: Kind, principal: Principal) -> Iterable[tuple[str, Item]]:
        known, authorizer = self._directory, self._authorizer
        if kind == "prompts":
            prompts = known.prompts.items()
            return ((name, item) for name, (_, item) in prompts if authorizer.may_use(principal, name, "read"))
        table = known.resources if kind == "resources" else known.templates
        reached = {backend for backend in known.shelves if authorizer.may_reach(principal, backend)}
        return ((uri, item) for uri, item in table.items() if _backend_of(uri) in reached)

    def _own(self, kind: Kind, principal: Principal, backend: str) -> Iterable[tuple[str, Item]]:
        shelf, authorizer = self._directory.shelves.get(backend), self._authorizer
        if shelf is None:
            return ()
        if kind == "prompts":
            prompts = shelf.prompts.items()
            return ((n, item) for n, item in prompts if authorizer.may_use(principal, canonical_name(backend, n), "read"))
        table = shelf.resources if kind == "resources" else shelf.templates
        return table.items() if authorizer.may_reach(principal, backend) else ()

    def _shown(self, name: str, item: Item, listed: Listed | None) -> Item:
        """A tool as it is listed: it says of itself, where nobody has to log in, whether that holds for it as well.

        `listed`: None for one of the edge itself.
        """
        if not self._anonymous:
            return item
        free = self._is_free(listed) if listed is not None else name in self._own_tools(ANONYMOUS)
        return callable_by_anyone(item) if free else item

    def _is_free(self, listed: Listed) -> bool:
        return self._authorizer.may_use(ANONYMOUS, listed.tool.name, listed.tool.access)

    def _version(self, tools: Collection[Listed], ours: Iterable[Item], *, bare: bool) -> str:
        """Of all that this principal sees over all pages: the same as long as that is, at every edge."""
        marks = [each.mark for each in tools]
        if self._anonymous:
            marks += [each.mark for each in tools if self._is_free(each)]
        said = "\n".join([f"{self._anonymous} {bare} {' '.join(map(mark_of, ours))}", *marks])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


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

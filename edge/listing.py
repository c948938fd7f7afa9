"""tools/list: what a principal may use, in a fixed order, page by page."""

import base64
from bisect import bisect_right
from typing import Any

from edge.authorize import may_use
from edge.directory import Directory
from shared.errors import InvalidParams
from shared.identity import Principal


def list_tools(directory: Directory, principal: Principal, cursor: object, page_tools: int) -> dict[str, Any]:
    """One page as a `ListToolsResult`. The cursor names the last tool of the page before. Raises InvalidParams."""
    names = [name for name in directory.tools if may_use(principal, name)]
    start = 0 if cursor is None else bisect_right(names, _name_in(cursor))
    page = names[start : start + page_tools]
    result: dict[str, Any] = {"tools": [directory.tools[name].listed for name in page]}
    if start + page_tools < len(names):
        result["nextCursor"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
    return result


def _name_in(cursor: object) -> str:
    if isinstance(cursor, str) and len(cursor) <= 512:
        try:
            return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
        except ValueError:  # not ASCII, not base64, or not UTF-8
            pass
    raise InvalidParams("The cursor is not one of this server's. Start again without a cursor.")

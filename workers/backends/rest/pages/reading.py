"""The content of a call: of one request, or of all pages of a list."""

from collections.abc import Mapping
from typing import Any

from workers.backends.rest.answer import Answer, Content
from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.pages.all_pages import AllPages
from workers.backends.rest.pages.asking import Asking, Send, in_words
from workers.backends.rest.pages.gathered import items_in
from workers.backends.rest.pages.signs import Signs
from workers.backends.rest.pages.walk import Stop, Walk
from workers.backends.rest.requests.plan import RequestPlan

_LISTS = ("GET", "POST")


class Reading:
    """Made once for a tool."""

    def __init__(self, tool: Tool, plan: RequestPlan, bytes_max: int) -> None:
        """`bytes_max`: of the items of all pages together."""
        self._tool = tool
        self._pagination = tool.pagination if tool.method in _LISTS else None
        self._segments = parse_json_path(tool.response.result_path or "$")
        self._asking = Asking(tool, plan)
        self._items_max = tool.response.max_items if tool.response.transform is None else None
        self._bytes_max = bytes_max

    async def read(
        self, arguments: Mapping[str, Any], send: Send, deadline: float, *, reads: bool, shown: bool = True
    ) -> Content:
        """All that a call asks for. `deadline`: loop time; `reads`: whether it changes nothing, so that further pages may
        be asked for; `shown`: whether the caller gets the items, and not what a program of theirs makes of them. Raises
        what `send` and `RequestPlan.build` raise."""
        if self._pagination is None:
            answer = await send(self._asking.page(arguments, {}), 0)
            return Content(answer=answer, body=answer.body)
        walk = Walk(self._tool, self._pagination, arguments)
        request = self._asking.page(arguments, walk.first())
        answer = await send(request, 0)
        items = items_in(answer, self._segments) if self._pagination.behavior == "auto" and reads else None
        if items is None:
            return self._one_page(answer, walk, arguments, shown=shown)
        pages = AllPages(
            pagination=self._pagination,
            asking=self._asking,
            segments=self._segments,
            items_max=self._items_max,
            bytes_max=self._bytes_max,
        )
        return await pages.read(request, answer, items, walk, arguments, send, deadline)

    def _one_page(self, answer: Answer, walk: Walk, arguments: Mapping[str, Any], *, shown: bool) -> Content:
        """A page that a caller asked for, and how the next one is asked for."""
        assert self._pagination is not None, "there are no pages otherwise"
        counted = items_in(answer, self._segments) if self._pagination.strategy in ("offset", "page") else None
        count = None if counted is None else counted.count
        if self._pagination.strategy == "offset" and shown and self._items_max and count and count > self._items_max:
            step = walk.after_cut(self._items_max)
        else:
            step = walk.after(Signs(answer, self._pagination.response), count)
        if isinstance(step, Stop):
            note = f"This may not be all of the list: {step.why}." if step.why else ""
            return Content(answer=answer, body=answer.body, note=note)
        next_page = self._asking.arguments_for(step, arguments)
        there = "There is more" if step.sure else "There may be more"
        how = f"call again with {in_words(next_page)}" if next_page else "this tool has no parameter to ask for it"
        return Content(answer=answer, body=answer.body, note=f"{there}: {how}.", next_page=next_page)

"""All pages of a list, read one after the other until one of their limits. For calls that only read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import (
    EgressDenied,
    MeshError,
    UpstreamBadResponse,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from workers.backends.rest.answer import Answer, Content
from workers.backends.rest.dadl.json_path import Segment
from workers.backends.rest.dadl.pagination import Pagination
from workers.backends.rest.failed import Failed
from workers.backends.rest.pages.asking import Asking, Send, in_words
from workers.backends.rest.pages.gathered import Gathered, Items, items_in
from workers.backends.rest.pages.signs import Signs
from workers.backends.rest.pages.walk import Stop, Walk
from workers.backends.rest.request import Request

_FAILED = (Failed, UpstreamTimeout, UpstreamBadResponse, UpstreamTooLarge, UpstreamUnreachable, EgressDenied)
"""What may happen to a further page; those that were read before are given all the same."""
_REST_S_MAX = 1.0
_REST_SHARE = 0.2
"""What is left of a call's time when no further page is waited for: a result has to be made of those that are here."""
_WHY_CHARS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AllPages:
    """Those of one tool."""

    pagination: Pagination
    asking: Asking
    segments: Sequence[Segment]
    """Where the items are."""
    items_max: int | None
    """What there is beyond would be cut away."""
    bytes_max: int
    """Of all items."""

    async def read(
        self,
        request: Request,
        answer: Answer,
        items: Items,
        walk: Walk,
        arguments: Mapping[str, Any],
        send: Send,
        deadline: float,
    ) -> Content:
        """All items, from those of the first answer on."""
        left_s = deadline - asyncio.get_running_loop().time()
        until = deadline - min(_REST_S_MAX, left_s * _REST_SHARE)
        gathered = Gathered()
        while True:
            gathered.add(items)
            step = walk.after(Signs(answer, self.pagination.response), items.count)
            if isinstance(step, Stop):
                return _content(answer, gathered, step.why)
            why = self._limit(gathered, until)
            if not why:
                try:
                    answer = await send(self.asking.further(request, step, arguments), gathered.pages, until)
                except _FAILED as error:
                    why = f"page {gathered.pages + 1} failed: {_told(error)}"
                else:
                    found = items_in(answer, self.segments)
                    why = self._unfit(gathered, found)
            if why or found is None:
                return _content(answer, gathered, why, self.asking.arguments_for(step, arguments), sure=step.sure)
            items = found

    def _limit(self, gathered: Gathered, until: float) -> str:
        """Why no further page is read; empty where one is."""
        if gathered.pages >= self.pagination.max_pages:
            return "that is the most that this tool reads (`max_pages`)"
        if self.items_max is not None and gathered.items >= self.items_max:
            return "this tool gives no more items (`max_items`)"
        return "the time of the call is nearly over" if asyncio.get_running_loop().time() >= until else ""

    def _unfit(self, gathered: Gathered, items: Items | None) -> str:
        """Why a page is not taken; empty where it is."""
        if items is None:
            return f"page {gathered.pages + 1} has no list where its items should be"
        if gathered.repeats(items):
            return f"page {gathered.pages + 1} is the one before it once more"
        if gathered.bytes + len(items.text) > self.bytes_max:
            return f"all pages together may have {self.bytes_max} bytes"
        return ""


def _content(
    answer: Answer, gathered: Gathered, why: str = "", next_page: Mapping[str, Any] | None = None, *, sure: bool = True
) -> Content:
    note = ""
    if why:
        pages = "1 page" if gathered.pages == 1 else f"{gathered.pages} pages"
        note = f"{'Not' if sure else 'Maybe not'} all of the list: {pages} ({gathered.items} items) were read, since {why}."
    if next_page:
        note += f" To go on, call again with {in_words(next_page)}."
    return Content(answer=answer, body=gathered.document, selected=True, note=note, next_page=next_page or {})


def _told(error: Failed | MeshError) -> str:
    text = error.text if isinstance(error, Failed) else error.detail
    text = text if len(text) <= _WHY_CHARS_MAX else text[:_WHY_CHARS_MAX] + "..."
    return text.rstrip(".")

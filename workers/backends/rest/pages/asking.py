"""How the pages of one tool are asked for: by the worker, and by a caller."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from workers.backends.rest.answer import Answer
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.pages.walk import Further, whole
from workers.backends.rest.request import Request
from workers.backends.rest.requests.plan import RequestPlan


class Send(Protocol):
    """How one request of a call is sent."""

    async def __call__(self, request: Request, ordinal: int, deadline: float | None = None) -> Answer:
        """The answer to the call's request of that number, from 0. `deadline`: loop time, None for the call's own."""
        ...


class Asking:
    """Made once for a tool."""

    def __init__(self, tool: Tool, plan: RequestPlan) -> None:
        self._tool = tool
        self._plan = plan

    def page(self, arguments: Mapping[str, Any], position: Mapping[str, Any]) -> Request:
        """The request for a page: what says which one goes where the tool has a parameter for it, else into the query.
        Raises Failed."""
        params = self._tool.params
        own = {name: value for name, value in position.items() if name in params and params[name].place != "query"}
        query = {name: value for name, value in position.items() if name not in own}
        return self._plan.build({**arguments, **own} if own else arguments, query)

    def further(self, first: Request, step: Further, arguments: Mapping[str, Any]) -> Request:
        """The request for a further page. Raises Failed."""
        return self.page(arguments, step.query) if step.url is None else replace(first, url=step.url)

    def arguments_for(self, step: Further, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by which a caller gets that page; empty where the tool has no parameters for it."""
        query = step.query if step.url is None else step.url.query
        params = self._tool.params
        found = {}
        for name, value in query.items():
            param = params.get(name)
            if param is None or str(arguments.get(name, param.default)) == str(value):
                continue
            as_number = whole(value) if param.type in ("integer", "number") else None
            found[name] = as_number if as_number is not None else str(value) if param.type == "string" else value
        return found


def in_words(arguments: Mapping[str, Any]) -> str:
    """Arguments in a sentence: "`page` = 2"."""
    return ", ".join(f"`{name}` = {msgspec.json.encode(value).decode()}" for name, value in arguments.items())

"""The content of a call: of one request, or of all pages of a list."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from workers.backends.rest.answer import Answer, Content
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.request import Request
from workers.backends.rest.requests.plan import RequestPlan

Send = Callable[[Request, int], Awaitable[Answer]]
"""Sends the call's request of that number, from 0."""


async def read(tool: Tool, plan: RequestPlan, arguments: Mapping[str, Any], send: Send) -> Content:
    """All that a call asks for. Raises what `send` and `RequestPlan.build` raise."""
    answer = await send(plan.build(arguments), 0)
    return Content(answer=answer, body=answer.body)

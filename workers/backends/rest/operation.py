"""One tool of a definition, as it is run: arguments → request → answers → result."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from shared.errors import InvalidArguments
from shared.settings import Settings
from workers.backends.backend import Invocation
from workers.backends.rest.answer import Answer
from workers.backends.rest.attempts.attempts import Attempts
from workers.backends.rest.auth.authenticator import Authenticator
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.pages.reading import Reading
from workers.backends.rest.request import Request
from workers.backends.rest.requests.fetching import Files
from workers.backends.rest.requests.plan import RequestPlan
from workers.backends.rest.response.override import split_override
from workers.backends.rest.response.pipeline import Pipeline
from workers.backends.rest.wire import Wire
from workers.children.scripts import Scripts

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all operations of a backend share."""

    attempts: Attempts
    pipeline: Pipeline
    answer_bytes_max: int
    """Of one answer, and of all pages of a list together."""
    wire: Wire
    authenticator: Authenticator
    files: Files
    scripts: Scripts
    """Of composites."""
    settings: Settings


class Operation:
    """Made once for a tool of a definition."""

    def __init__(self, tool: Tool, plan: RequestPlan, parts: Parts) -> None:
        self._tool = tool
        self._plan = plan
        self._reading = Reading(tool, plan, parts.answer_bytes_max)
        self._parts = parts

    async def run(self, invocation: Invocation) -> bytes:
        """The MCP result of a call. Raises Failed, and what the seam of backends says."""
        arguments, program = split_override(self._tool, arguments_of(invocation))

        async def send(request: Request, ordinal: int, deadline: float | None = None) -> Answer:
            until = invocation if deadline is None else replace(invocation, deadline=deadline)
            return await self._parts.attempts.send(request, self._tool, until, ordinal)

        reads = invocation.access == "read"
        async with self._parts.files.fetched(self._plan.files, arguments, self._plan.limit) as whole:
            content = await self._reading.read(whole, send, invocation.deadline, reads=reads, shown=program is None)
        return await self._parts.pipeline.result(content, self._tool, invocation, program)


def arguments_of(invocation: Invocation) -> Mapping[str, Any]:
    """The arguments. Raises InvalidArguments, which an edge has ruled out."""
    try:
        return _decode(invocation.arguments or b"{}")
    except msgspec.DecodeError as cause:
        raise InvalidArguments("The arguments are not a JSON object.") from cause

"""`execute_code`: the tool by which a client runs a script over tools.

The edge makes it a call for the backend `code`, which goes the way of all calls: so it outlives its connection, is answered
with a handle or a task, can be cancelled, and is found when it is sent again.
"""

from typing import Any

import msgspec

from edge.calls import Calls
from edge.code.backend_hints import BackendHints
from edge.exchange import Exchange
from edge.outgoing import Outgoing, unknown_tool
from edge.parse import parse_call
from edge.running import Running
from edge.shelf import Item
from edge.tool import Tool, callable_by_readers
from shared.catalogue import define
from shared.code_mode import CODE, DEFINITION, EXECUTE_CODE
from shared.identity import Principal
from shared.settings import Settings

_DESCRIPTION = """\
Run a script over the tools of this server: many calls in one round trip, of which only what you return comes back. It is \
JavaScript, or TypeScript whose types are taken off, with `await` and `return` at the top level.
- `await toolmesh.<js_name>({{…}})` calls a tool and gives its first text, as a value where it is JSON. \
`toolmesh["exact-name"]({{…}})` works for every name. Let calls that don't wait for one another run at once: \
`await Promise.all([…])`.
- `await toolmesh.discover("what it does")` finds tools, `await toolmesh.describe("name")` shows all of one; neither is \
counted.
- A call that fails throws an error with `code` and `message`. What `console.log` writes comes back, too.
- No network, files, timers or imports. At most {calls} calls and {seconds:g} seconds.
Filter and sum up in the script, and return no more than you need."""


def execute_code_tool() -> Tool:
    """Its definition, under its bare name; what is said to somebody is added where it is listed."""
    definition: dict[str, Any] = msgspec.json.decode(DEFINITION.definition)
    own_backend, _, own_name = EXECUTE_CODE.partition("_")
    named = msgspec.json.encode({**definition, "name": own_name})
    return Tool("edge", own_backend, define(own_name, DEFINITION.access, named))


class ExecuteCode:
    """Answers calls of it."""

    def __init__(self, calls: Calls, hints: BackendHints, settings: Settings) -> None:
        self.tool = execute_code_tool()
        self._listed = callable_by_readers(self.tool.listed)
        self._calls = calls
        self._hints = hints
        self._description = _DESCRIPTION.format(calls=settings.code_calls_max, seconds=settings.code_timeout_s)

    def listed_for(self, principal: Principal) -> Item | None:
        """With the backends that the principal may use. Nobody runs scripts who is nobody."""
        if principal.anonymous:
            return None
        hints = self._hints.text_for(principal)
        return self._listed | {"description": f"{self._description}\n{hints}" if hints else self._description}

    async def answer(self, exchange: Exchange) -> Running:
        """Start the script. Raises MeshError."""
        if exchange.principal.anonymous:
            raise unknown_tool(EXECUTE_CODE)
        params = parse_call(exchange.body, exchange.message)
        self.tool.validate(params.arguments)
        outgoing = Outgoing(
            group=CODE.group,
            backend=CODE.name,
            method="tools/call",
            subject=EXECUTE_CODE,
            access=DEFINITION.access,
            arguments=params.raw_arguments,
            meta=params.meta,
            compared=params.arguments,
            definition=DEFINITION.hash,
            asked=EXECUTE_CODE,
        )
        return await self._calls.start(exchange, outgoing)

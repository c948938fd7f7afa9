"""`mesh_more`: the edge's own tool, by which a client reads on in a result that was given page by page.

It reads the durable copy of the call that was made, and runs nothing; any edge answers, as often as it is asked.
"""

from collections.abc import Callable, Mapping

from redis.exceptions import ResponseError

from edge.exchange import Exchange
from edge.names import MESH_MORE
from edge.own_definition import own_tool
from edge.paging.cursors import Cursor
from edge.paging.pager import ONLY_A_READ, Pager
from edge.parse import parse_call
from edge.relay import Relay
from edge.render import rpc_result
from edge.respond import send_json
from edge.shelf import Item
from edge.tool import Tool
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, UnknownCursor
from shared.identity import Principal
from shared.messages import ToolResult
from shared.settings import Settings

Record = Callable[[Principal, str, str, str], None]
"""`(principal, backend, call_id, span)`: record that somebody read on."""


def mesh_more_tool(kept_s: float) -> Tool:
    """Its definition. `kept_s`: how long a result is kept, in seconds."""
    definition = {
        "title": "Read on in a long result",
        "description": (
            "Read the next page of a long result. Use it when a result ends with a note that it is a page and names a "
            "cursor: pass that cursor. It only reads what the call that was made has given; nothing is run again. A result "
            f"is kept for {_spoken(kept_s)} after its call."
        ),
        "inputSchema": {
            "type": "object",
            "properties": {"cursor": {"type": "string", "description": "The cursor, as the page before gives it."}},
            "required": ["cursor"],
            "additionalProperties": False,
        },
        "annotations": {"openWorldHint": False},
    }
    return own_tool(MESH_MORE, definition)


class MeshMore:
    """Answers calls of it."""

    def __init__(
        self, pager: Pager, relay: Relay, entries: Mapping[str, BackendEntry], settings: Settings, *, record: Record
    ) -> None:
        self.tool = mesh_more_tool(settings.result_ttl_s)
        self._pager = pager
        self._relay = relay
        self._entries = entries
        self._kept_s = settings.result_ttl_s
        self._record = record

    def listed_for(self, principal: Principal) -> Item:
        """The same for everybody."""
        return self.tool.listed

    async def answer(self, exchange: Exchange) -> None:
        """Answer with a page. Raises UnknownCursor, InvalidArguments, BrokerUnavailable before anything is answered."""
        message = exchange.message
        arguments = parse_call(exchange.body, message).arguments
        self.tool.validate(arguments)
        cursor = self._pager.read(arguments["cursor"], exchange.principal)
        page = self._pager.following(exchange, cursor, await self._kept(cursor))
        self._record(exchange.principal, cursor.backend, cursor.call_id, page.span)
        await send_json(exchange.send, 200, rpc_result(message.id, page.body, message.era))

    async def _kept(self, cursor: Cursor) -> bytes:
        """The result that it was written for."""
        entry = self._entries.get(cursor.backend)
        try:
            final = await self._relay.kept_end(entry.group, cursor.backend, cursor.call_id) if entry is not None else None
        except ResponseError as cause:
            raise BrokerUnavailable("The broker can't give the result.", retry_after_s=2) from cause
        if not isinstance(final, ToolResult):
            raise UnknownCursor(
                f"The result that this cursor is for is not kept any more: that is done for {_spoken(self._kept_s)} after "
                f"a call. {ONLY_A_READ}"
            )
        return final.body


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

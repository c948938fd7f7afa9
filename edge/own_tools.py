"""The tools of the edge itself: callable by everybody who is let in, whatever the rules say of tools of backends."""

from collections.abc import Mapping
from typing import Protocol

from edge.exchange import Exchange
from edge.outgoing import Outbox
from edge.running import Running
from edge.shelf import Item
from shared.errors import UnknownTool
from shared.identity import Principal


class OwnTool(Protocol):
    """One of them."""

    def listed_for(self, principal: Principal) -> Item | None:
        """As it is listed for somebody; None where it is not for them."""
        ...

    async def answer(self, exchange: Exchange) -> Running | None:
        """Answer a call of it, or start the call of a backend by which it is answered. Raises MeshError before anything is
        answered."""
        ...


class OwnTools:
    """All of them, by name."""

    def __init__(self, tools: Mapping[str, OwnTool], outbox: Outbox) -> None:
        self._tools = tools
        self._outbox = outbox

    def listed_for(self, principal: Principal) -> dict[str, Item]:
        """As they are listed for somebody at the endpoint of all backends."""
        found = ((name, own.listed_for(principal)) for name, own in self._tools.items())
        return {name: item for name, item in found if item is not None}

    def meant(self, exchange: Exchange) -> OwnTool | None:
        """The one that a `tools/call` is for: at the endpoint of one backend that backend's own tool of the name wins, if
        the caller may use it."""
        name = exchange.message.params.get("name")
        if not isinstance(name, str):
            return None
        own = self._tools.get(name)
        if own is None or exchange.backend is None:
            return own
        try:
            self._outbox.find_tool(exchange, name)
        except UnknownTool:
            return own
        return None

"""Methods that the edge answers by itself: lists, introductions, and what belongs to a session."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from edge.exchange import Exchange
from edge.introduction import Introduction
from edge.listing import Kind, Listing
from edge.outgoing import Outbox
from edge.problems import INVALID_REQUEST, METHOD_NOT_FOUND, Refusal
from edge.sessions.store import Session
from shared.errors import InvalidParams
from shared.log_levels import LOG_LEVELS

Handler = Callable[[Exchange], Awaitable[dict[str, Any]]]

_LISTS: dict[str, Kind] = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


class Memory(Protocol):
    """What a session remembers from one request to the next."""

    async def set_level(self, session: Session, level: str) -> None:
        """The least severe log message that the client wants from now on."""
        ...

    async def subscribe(self, session: Session, uri: str) -> None:
        """Tell the client when a resource changes. Raises MeshError where it has too many."""
        ...

    async def unsubscribe(self, session: Session, uri: str) -> None:
        """Tell it no longer."""
        ...


class Methods:
    """The methods of both eras, by name."""

    def __init__(
        self,
        listing: Listing,
        introduction: Introduction,
        outbox: Outbox,
        memory: Memory,
        *,
        list_ttl_ms: int,
        owners: Mapping[str, Handler],
        tasks: Mapping[str, Handler],
        bare: Callable[[Exchange], bool],
    ) -> None:
        """`owners`: methods of ours that are there for the owner alone; `tasks`: those of the tasks extension; `bare`:
        whether a client may be answered with something else than a tool's own result."""
        self._listing = listing
        self._introduction = introduction
        self._outbox = outbox
        self._memory = memory
        self._list_ttl_ms = list_ttl_ms
        self._owners = owners
        self._bare = bare
        lists: dict[str, Handler] = dict.fromkeys(_LISTS, self._list)
        self._modern: dict[str, Handler] = {**lists, "server/discover": self._discover, **tasks}
        self._legacy: dict[str, Handler] = {
            **lists,
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
        }

    async def answer(self, exchange: Exchange) -> dict[str, Any]:
        """The result. Raises Refusal for a method that there is not, MeshError for what can't be done."""
        message = exchange.message
        handler = (self._modern if message.era == "modern" else self._legacy).get(message.method)
        if handler is None and exchange.principal.owner:
            handler = self._owners.get(message.method)
        if handler is None:
            raise Refusal(
                404 if message.era == "modern" else 200,
                METHOD_NOT_FOUND,
                "Method not found",
                message.method[:128],
                rpc_id=message.id,
            )
        return await handler(exchange)

    async def _list(self, exchange: Exchange) -> dict[str, Any]:
        message = exchange.message
        page = self._listing.page(
            _LISTS[message.method],
            exchange.principal,
            exchange.backend,
            message.params.get("cursor"),
            bare=self._bare(exchange),
            view=self._outbox.strictness.view(exchange),
        )
        return page | self._for_caches(self._list_ttl_ms) if message.era == "modern" else page

    async def _discover(self, exchange: Exchange) -> dict[str, Any]:
        return self._introduction.discovered(exchange.principal, exchange.backend) | self._for_caches(0)

    async def _ping(self, exchange: Exchange) -> dict[str, Any]:
        return {}

    async def _set_level(self, exchange: Exchange) -> dict[str, Any]:
        level = exchange.message.params.get("level")
        if not isinstance(level, str) or level not in LOG_LEVELS:
            raise InvalidParams(f"params.level must be one of {', '.join(LOG_LEVELS)}.")
        await self._memory.set_level(_session_of(exchange), level)
        return {}

    async def _subscribe(self, exchange: Exchange) -> dict[str, Any]:
        uri = self._uri_of(exchange)
        self._outbox.find_resource(exchange, uri)
        await self._memory.subscribe(_session_of(exchange), uri)
        return {}

    async def _unsubscribe(self, exchange: Exchange) -> dict[str, Any]:
        await self._memory.unsubscribe(_session_of(exchange), self._uri_of(exchange))
        return {}

    @staticmethod
    def _uri_of(exchange: Exchange) -> str:
        uri = exchange.message.params.get("uri")
        if not isinstance(uri, str) or not 0 < len(uri) <= 2048:
            raise InvalidParams("params.uri must be a string of 1 to 2048 characters.")
        return uri

    @staticmethod
    def _for_caches(ttl_ms: int) -> dict[str, Any]:
        """What 2026-07-28 results say of themselves. They differ from user to user: never for a shared cache."""
        return {"resultType": "complete", "ttlMs": ttl_ms, "cacheScope": "private"}


def _session_of(exchange: Exchange) -> Session:
    if exchange.session is None:
        raise Refusal(
            400, INVALID_REQUEST, "This method needs a session: send the Mcp-Session-Id.", rpc_id=exchange.message.id
        )
    return exchange.session

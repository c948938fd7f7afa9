"""`subscriptions/listen` (MCP 2026-07-28, server/utilities/subscriptions): a request whose answer is the stream.

The first event acknowledges what is honoured; each event names the subscription by the request's id. When the edge ends the
stream, the last event is the request's result. There is no replay: a client that was cut listens again and looks anew.
Tasks are not told of (the tasks extension leaves that to the server): they are looked at with `tasks/get`.
"""

from typing import Any

import msgspec

from edge.exchange import Exchange
from edge.handles.budget import declares_tasks, missing_capability
from edge.problems import INVALID_PARAMS, Refusal
from edge.render import event, rpc_result
from edge.sessions.changes import Changes
from edge.sessions.feed import Feed, Kind, Wants
from edge.sessions.session_streams import Resolve, change_notification
from edge.sessions.streams import Streams
from edge.sessions.wanted import Resource
from shared.settings import Settings

_SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"
_LISTS: dict[str, Kind] = {
    "toolsListChanged": "tools",
    "promptsListChanged": "prompts",
    "resourcesListChanged": "resources",
}
_URIS = "resourceSubscriptions"
_URI_CHARS_MAX = 2048
_encode = msgspec.json.Encoder().encode


class Listening:
    """Answers `subscriptions/listen`."""

    def __init__(self, streams: Streams, changes: Changes, resolve: Resolve, settings: Settings) -> None:
        self._streams = streams
        self._changes = changes
        self._resolve = resolve
        self._uris_max = settings.session_uris_max

    async def answer(self, exchange: Exchange) -> None:
        """Answer with a stream, until its client closes it or the edge drains. Raises Refusal."""
        wants = self._wants(exchange)
        self._streams.admit(exchange.principal)
        feed: Feed | None = None

        def take() -> bytes | None:
            heard = feed.take() if feed is not None else None
            return event(change_notification(heard, meta)) if heard is not None else None

        def last() -> bytes:
            return event(rpc_result(exchange.message.id, _encode({"_meta": meta}), "modern"))

        meta = {_SUBSCRIPTION_ID: exchange.message.id}
        stream = self._streams.make(exchange.receive, exchange.send, take)
        feed = self._changes.open(exchange.principal, exchange.backend, wants, stream.wake)
        try:
            await self._streams.run(exchange.principal, stream, event(_acknowledged(feed.wants, meta)), last)
        finally:
            self._changes.close(feed)

    def _wants(self, exchange: Exchange) -> Wants:
        asked = exchange.message.params.get("notifications")
        if not isinstance(asked, dict):
            raise _refused(exchange, "params.notifications must be an object.")
        if "taskIds" in asked and not declares_tasks(exchange.message):
            raise missing_capability(exchange.message)
        lists = set()
        for name, kind in _LISTS.items():
            flag = asked.get(name)
            if not isinstance(flag, bool | None):
                raise _refused(exchange, f"params.notifications.{name} must be true or false.")
            if flag:
                lists.add(kind)
        return Wants(frozenset(lists), self._uris(exchange, asked.get(_URIS)))

    def _uris(self, exchange: Exchange, asked: Any) -> dict[Resource, str]:
        """Those of the URIs that may be followed, as far as there are not too many."""
        if asked is None:
            return {}
        if not isinstance(asked, list) or not all(isinstance(uri, str) for uri in asked):
            raise _refused(exchange, f"params.notifications.{_URIS} must be an array of URIs.")
        found: dict[Resource, str] = {}
        for uri in asked[: self._uris_max]:
            resource = self._resolve(exchange.principal, exchange.backend, uri) if len(uri) <= _URI_CHARS_MAX else None
            if resource is not None:
                found.setdefault(resource, uri)
        return found


def _acknowledged(wants: Wants, meta: dict[str, Any]) -> bytes:
    honoured: dict[str, Any] = {name: True for name, kind in _LISTS.items() if kind in wants.lists}
    if wants.uris:
        honoured[_URIS] = list(wants.uris.values())
    params = {"notifications": honoured, "_meta": meta}
    return _encode({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params})


def _refused(exchange: Exchange, problem: str) -> Refusal:
    return Refusal(400, INVALID_PARAMS, problem, rpc_id=exchange.message.id)

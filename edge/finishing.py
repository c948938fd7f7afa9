"""What is still to be done to a backend's result before the client gets it: names, sealed states, the era's own members,
and a page in its place where the client does not take so much.

A result stays the bytes that it is unless it has to be touched; then only the members in question are read.
"""

from typing import Any

import msgspec

from edge.exchange import Exchange
from edge.hints import hint_block, with_hint
from edge.names import outer_uri
from edge.paging.pager import Pager
from edge.render import error_of
from edge.request_state import Pending, RequestStates
from edge.running import Running
from shared.errors import MeshError
from shared.messages import ToolFailure, ToolResult

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_contents = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_encode = msgspec.json.Encoder().encode


class Finisher:
    """Finishes results."""

    def __init__(self, states: RequestStates, pager: Pager) -> None:
        self._states = states
        self._pager = pager

    def finish(self, exchange: Exchange, running: Running, result: ToolResult, hint: str = "") -> bytes:
        """The result as JSON, in the client's words. `hint`: the operator's note on the backend, which comes first.

        Raises msgspec.DecodeError for one that is not JSON.
        """
        body = result.body
        modern = exchange.message.era == "modern"
        if modern and b'"input_required"' in body:
            body = self._seal(exchange, running, result)
        if running.outgoing.method == "resources/read":
            body = _readable(body, running.outgoing.backend if exchange.backend is None else None, modern=modern)
        elif hint:
            body = self._hinted(exchange, running, body, hint)
        elif len(body) > self._pager.bytes_min and running.outgoing.method == "tools/call":
            body = self._pager.first(exchange, running, body)
        return body

    def _hinted(self, exchange: Exchange, running: Running, body: bytes, hint: str) -> bytes:
        """A result with the hint before it, or before its first page, which has so much less room."""
        budget = self._pager.budget(exchange)
        block = hint_block(running.outgoing.backend, hint, None if budget is None else budget // 2)
        return with_hint(self._pager.first(exchange, running, body, reserved=len(block["text"])), block)

    def shorten(self, exchange: Exchange, final: ToolFailure) -> MeshError:
        """A failure as its client takes it."""
        error = error_of(final)
        if len(final.detail) + len(final.data) > self._pager.bytes_min:
            error = self._pager.shortened(exchange, error)
        return error

    def _seal(self, exchange: Exchange, running: Running, result: ToolResult) -> bytes:
        members: dict[str, Any] = dict(_members.decode(result.body))
        if _text(members.get("resultType")) != "input_required":
            return result.body
        state = _text(members.get("requestState"))
        if state is None and not result.parked:
            return result.body
        pending = Pending(state=state, parked=result.parked, worker=result.worker)
        members["requestState"] = self._states.seal(pending, running.outgoing.binding(exchange))
        return _encode(members)


def _readable(body: bytes, prefix: str | None, *, modern: bool) -> bytes:
    """A `ReadResourceResult` with URIs as the client knows them, and with what the 2026 era wants it to say of caching."""
    if prefix is None and not (modern and b'"ttlMs"' not in body):
        return body
    members: dict[str, Any] = dict(_members.decode(body))
    if prefix is not None and "contents" in members:
        contents: list[dict[str, Any]] = [dict(item) for item in _contents.decode(members["contents"])]
        for item in contents:
            uri = _text(item.get("uri"))
            if uri is not None:
                item["uri"] = outer_uri(prefix, uri)
        members["contents"] = contents
    if modern and "contents" in members:
        members.setdefault("ttlMs", 0)
        members.setdefault("cacheScope", "private")
    return _encode(members)


def _text(raw: Any) -> str | None:
    if raw is None:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None

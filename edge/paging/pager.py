"""The pages of a result: the first one in its place, the others out of the call's durable copy, at any edge."""

from dataclasses import dataclass

import msgspec

from edge.exchange import Exchange
from edge.paging.budgets import ResultBudgets
from edge.paging.cursors import Cursor, Cursors
from edge.paging.cut import cut_at
from edge.paging.page import Page, Place, page_from, result_of, with_page
from edge.paging.pieces import Parts, take_apart
from edge.running import Running
from shared.errors import MeshError, UnknownCursor, UpstreamError
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from shared.settings import Settings

ONLY_A_READ = (
    "Where the rest can't be read any more, make the call again only if it just reads: one that changes something would "
    "change it once more. Ask before that."
)
"""What is said to who can't read on."""
_NO_LIMIT = 2**62
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Continuation:
    """A page that was asked for."""

    body: bytes
    """JSON object: the `CallToolResult`."""
    span: str
    """Which characters these are, for people."""


class Pager:
    """Makes pages for one edge."""

    def __init__(self, ring: KeyRing, settings: Settings) -> None:
        self._budgets = ResultBudgets(settings)
        self._cursors = Cursors(ring)
        self.bytes_min = self._budgets.least
        """A result of so many bytes fits whoever asks, and need not be looked at."""

    def cuts(self, exchange: Exchange) -> bool:
        """Whether the client of a request may get a page in the place of a result."""
        return self._budgets.of(exchange) is not None

    def budget(self, exchange: Exchange) -> int | None:
        """Characters of one result that the client of a request takes; None for no limit."""
        return self._budgets.of(exchange)

    def first(self, exchange: Exchange, running: Running, body: bytes, *, reserved: int = 0) -> bytes:
        """The result of a tool call, or its first page where the client does not take so much.

        What fits stays the bytes that it is; so does what is no result that a model reads. `reserved`: characters that go
        before it. Raises msgspec.DecodeError.
        """
        budget = self._budgets.of(exchange)
        budget = None if budget is None else budget - reserved
        if budget is None or len(body) <= budget:
            return body
        parts = take_apart(body)
        if parts is None or parts.as_it_is <= budget:
            return body
        if parts.chars <= budget:
            said = {"offset": 0, "chars": parts.chars, "total": parts.chars}
            content = [msgspec.Raw(piece.raw) for piece in parts.pieces]
            return _encode(with_page({**parts.rest, "content": content}, said))
        page, call = page_from(parts, Place(), budget), running.call
        if page.next is None:
            return body  # one block that is too large and can't be cut: a page of it would be all of it
        return self._written(page, parts, exchange.principal, call.call_id, call.backend)

    def read(self, text: str, principal: Principal) -> Cursor:
        """What a cursor says. Raises UnknownCursor."""
        cursor = self._cursors.read(text, principal)
        if cursor is None:
            raise UnknownCursor(
                "This cursor is not one that you were given. Copy it whole, as it stands at the end of the page before. "
                f"{ONLY_A_READ}"
            )
        return cursor

    def following(self, exchange: Exchange, cursor: Cursor, body: bytes) -> Continuation:
        """The page of a result at that cursor. Raises UnknownCursor, msgspec.DecodeError."""
        budget = self._budgets.of(exchange) or _NO_LIMIT
        parts = take_apart(body, said_twice=cursor.said_twice)
        try:
            if parts is None:
                raise IndexError
            page = page_from(parts, cursor.place, budget)
        except IndexError:
            raise UnknownCursor(f"There is nothing at this cursor: the result is another one. {ONLY_A_READ}") from None
        written = self._written(page, parts, exchange.principal, cursor.call_id, cursor.backend)
        return Continuation(written, page.span)

    def _written(self, page: Page, parts: Parts, principal: Principal, call_id: str, backend: str) -> bytes:
        text = ""
        if page.next is not None:
            cursor = Cursor(bytes.fromhex(call_id), backend, page.next.piece, page.next.at, parts.said_twice)
            text = self._cursors.write(cursor, principal)
        return result_of(page, parts, text)

    def shortened(self, exchange: Exchange, error: MeshError) -> MeshError:
        """A failure of a call as its client takes it: cut, and not paged; what it says first says most."""
        budget = self._budgets.of(exchange)
        if budget is None:
            return error
        error.detail = _shortened(error.detail, budget)
        relayed = (error.data or {}).get("error")
        if isinstance(error, UpstreamError) and isinstance(relayed, dict):
            error.data = {"error": _shortened_rpc(relayed, budget)}
        return error


def _shortened_rpc(error: dict[str, object], budget: int) -> dict[str, object]:
    """A JSON-RPC error without `data` that is too much, and with the beginning of its message."""
    kept = dict(error)
    if isinstance(message := kept.get("message"), str):
        kept["message"] = _shortened(message, budget // 2)
    if len(_encode(kept.get("data")).decode()) > budget // 2:
        del kept["data"]
    return kept


def _shortened(text: str, chars_max: int) -> str:
    if len(text) <= chars_max:
        return text
    end = cut_at(text, 0, chars_max - 100)
    return f"{text[:end]} […: cut, these are the first {end:,} of {len(text):,} characters; the rest is not kept.]"

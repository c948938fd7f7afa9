"""One page of a result: as much as fits from a place on, and in plain words how much there is and how to read on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.names import MESH_MORE
from edge.paging.cut import cut_at
from edge.paging.pieces import Parts, Piece

PAGE_META = "toolmesh/page"
NOTE_CHARS_MAX = 500
"""What is kept free on each page for its last block."""
_TINY = 16
"""A text is not begun in less than this part of a page, but on the next one."""
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins."""

    piece: int = 0
    at: int = 0
    """Characters of its text that were on the pages before."""


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a page."""

    first: bool
    blocks: list[Any]
    next: Place | None
    """Where the next one begins; None on the last one."""
    offset: int
    """Characters on the pages before."""
    chars: int
    total: int

    @property
    def span(self) -> str:
        """Which characters these are, for people."""
        return f"characters {self.offset + 1:,} to {self.offset + self.chars:,} of {self.total:,}"

    def note(self, cursor: str) -> str:
        """The last block's text."""
        if not cursor:
            return f"[Page of a longer result: {self.span}. This is the end of it.]"
        return (
            f"[Page of a longer result: {self.span}. This is NOT all of it. To read on, call {MESH_MORE} with "
            f'{{"cursor": "{cursor}"}}: it only reads, nothing is run again.]'
        )

    def facts(self, cursor: str) -> dict[str, Any]:
        """The same for a program."""
        said: dict[str, Any] = {"offset": self.offset, "chars": self.chars, "total": self.total}
        return said | {"cursor": cursor} if cursor else said


def page_from(parts: Parts, place: Place, budget: int) -> Page:
    """The page that begins there and has at most that many characters.

    A block that can't be cut and is larger than a page stands on one of its own, which then has more. Raises IndexError
    where the result does not reach to that place.
    """
    pieces = parts.pieces
    if place.piece >= len(pieces) or place.at > len(pieces[place.piece].text):
        raise IndexError("the result ends before that place")
    room = budget - NOTE_CHARS_MAX
    blocks: list[Any] = []
    used, index, at = 0, place.piece, place.at
    while index < len(pieces):
        piece = pieces[index]
        cost = piece.chars - at
        if used + cost <= room or (not blocks and not _is_cut(piece, room)):
            blocks.append(piece.part(at, len(piece.text)))
            used, index, at = used + cost, index + 1, 0
            if used > room:
                break
            continue
        left = room - used - piece.around
        if blocks and (not _is_cut(piece, room) or left < room // _TINY or _fits_better_behind(piece, at, room, used)):
            break
        end = cut_at(piece.text, at, at + left)
        blocks.append(piece.part(at, end))
        at = end
        break
    offset = _chars_before(pieces, place.piece, place.at)
    after = Place(index, at) if index < len(pieces) else None
    return Page(place == Place(), blocks, after, offset, _chars_before(pieces, index, at) - offset, parts.chars)


def _is_cut(piece: Piece, room: int) -> bool:
    """Whether it can be cut for a page with that room: what has to stand beside each part must leave some for the part."""
    return piece.kind != "whole" and piece.around <= room // 4


def _fits_better_behind(piece: Piece, at: int, room: int, used: int) -> bool:
    """Whether it stays whole on the next page, and little of this one is lost: of a resource, however much that is."""
    return at == 0 and piece.chars <= room and (piece.kind == "resource" or used > room // 2)


def _chars_before(pieces: Sequence[Piece], index: int, at: int) -> int:
    return sum(piece.chars for piece in pieces[:index]) + at


def result_of(page: Page, parts: Parts, cursor: str) -> bytes:
    """The page as a `CallToolResult`, in JSON. Only the first has all that the result says beside its content."""
    blocks = [*page.blocks, {"type": "text", "text": page.note(cursor)}]
    kept = parts.rest if page.first else {name: v for name, v in parts.rest.items() if name == "isError"}
    return _encode(with_page({**kept, "content": blocks}, page.facts(cursor)))


def with_page(result: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """A result that says in its `_meta` which page it is."""
    meta = result.get("_meta")
    before: dict[str, Any] = dict(_members.decode(meta)) if meta is not None and bytes(meta) != b"null" else {}
    return result | {"_meta": before | {PAGE_META: facts}}

"""A result taken apart into what its model gets to see, block by block, in its order (MCP, server/tools, "Tool Result").

Everything that need not be read stays the bytes that it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

STRUCTURED_META = "toolmesh/structuredContent"
"""In the `_meta` of a text block: it is (a part of) the JSON of the result's structuredContent, which no block said."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_blocks = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_ordered = msgspec.json.Encoder(order="sorted").encode
_UNSEEN = frozenset({"data", "blob"})
"""Base64: a model sees a picture, and not these characters."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One content block."""

    raw: bytes
    """The block as it is."""
    chars: int
    """Characters of it that its model sees: of a text the text, of anything else all but base64."""
    kind: Literal["text", "resource", "whole"] = "whole"
    """Whether its text can be cut; one of a resource only where it does not fit on a page by itself."""
    text: str = ""
    around: int = 0
    """Characters beside the text that each part of it says again."""

    def part(self, start: int, end: int) -> Any:
        """A block with a part of the text, and all else that the block has."""
        if start == 0 and end >= len(self.text):
            return msgspec.Raw(self.raw)
        members: dict[str, Any] = dict(_members.decode(self.raw))
        said = self.text[start:end]
        if self.kind == "text":
            return members | {"text": said}
        return members | {"resource": {**_members.decode(members["resource"]), "text": said}}


@dataclass(frozen=True, slots=True)
class Parts:
    """A result."""

    pieces: Sequence[Piece]
    rest: Mapping[str, Any]
    """All members but `content` and `structuredContent`."""
    said_twice: bool
    """Whether it has a structuredContent that its text says as well."""
    as_it_is: int
    """Characters of the whole result with everything that is said twice."""

    @property
    def chars(self) -> int:
        """Characters of all pieces."""
        return sum(piece.chars for piece in self.pieces)


def take_apart(body: bytes, *, said_twice: bool | None = None) -> Parts | None:
    """The parts of a result; None for one that is none that a model reads: it asks something, or is no `CallToolResult`.

    `said_twice`: as the parts said of this result before, so that its text need not be compared again. Raises
    msgspec.DecodeError for what is no JSON object.
    """
    rest: dict[str, Any] = dict(_members.decode(body))
    if _value(rest.get("resultType", b'"complete"')) != "complete":
        return None
    try:
        blocks = _blocks.decode(rest.pop("content", b"[]"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    pieces = [_piece(bytes(block)) for block in blocks]
    structured = bytes(rest.pop("structuredContent", b""))
    if structured in (b"", b"null"):
        return Parts(pieces, rest, said_twice=False, as_it_is=sum(piece.chars for piece in pieces))
    text = structured.decode()
    as_it_is = sum(piece.chars for piece in pieces) + len(text)
    if said_twice is None:
        said_twice = _says(pieces, structured)
    if not said_twice:
        block = {"type": "text", "text": text, "_meta": {STRUCTURED_META: True}}
        pieces.append(Piece(_encode(block), len(text), "text", text))
    return Parts(pieces, rest, said_twice, as_it_is)


def _piece(raw: bytes) -> Piece:
    try:
        block = _members.decode(raw)
        kind = _value(block.get("type"))
        if kind == "text" and isinstance(text := _value(block.get("text")), str):
            return Piece(raw, len(text), "text", text)
        if kind == "resource":
            resource = _members.decode(block["resource"])
            if isinstance(text := _value(resource.get("text")), str):
                around = len(_encode(dict(block) | {"resource": _without(resource, {"text"})}).decode())
                return Piece(raw, len(text) + around, "resource", text, around)
            block["resource"] = msgspec.Raw(_encode(_without(resource, _UNSEEN)))
        return Piece(raw, len(_encode(_without(block, _UNSEEN)).decode()))
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return Piece(raw, len(raw.decode(errors="replace")))


def _without(members: Mapping[str, msgspec.Raw], names: frozenset[str] | set[str]) -> dict[str, msgspec.Raw]:
    return {name: value for name, value in members.items() if name not in names}


def _value(raw: Any) -> Any:
    return msgspec.json.decode(raw) if raw is not None else None


def _says(pieces: Sequence[Piece], structured: bytes) -> bool:
    """Whether the texts say the structured content: as its JSON; or, where it is `{"result": …}`, as what is in that, of a
    list also item by item, which is how SDKs wrap what is no object."""
    texts = [piece.text for piece in pieces if piece.kind == "text"]
    if not texts or len(texts) != len(pieces):
        return False
    if len(texts) == 1 and _same_json(texts[0].encode(), structured):
        return True
    value = msgspec.json.decode(structured)
    if len(texts) == 1 and _is(texts[0], value):
        return True
    if not isinstance(value, dict) or value.keys() != {"result"}:
        return False
    wrapped = value["result"]
    if len(texts) == 1 and _is(texts[0], wrapped):
        return True
    return isinstance(wrapped, list) and len(wrapped) == len(texts) and all(map(_is, texts, wrapped))


def _same_json(first: bytes, second: bytes) -> bool:
    """Whether two are the same JSON but for space between: seen without reading them, which is what most servers send."""
    try:
        return msgspec.json.format(first, indent=-1) == msgspec.json.format(second, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return False


def _is(text: str, value: Any) -> bool:
    """Whether a text is a value: the string itself, or its JSON."""
    if isinstance(value, str):
        return text == value
    try:
        return _ordered(msgspec.json.decode(text)) == _ordered(value)
    except (msgspec.DecodeError, RecursionError):
        return False

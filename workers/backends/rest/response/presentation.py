"""The result as MCP has it: one text block with what a tool gives, and what has to be known beside it.

There is no `structuredContent`: it would be the same once more, for which everybody pays who reads it.
"""

from typing import Any

import msgspec

NOTE = "toolmesh/note"
METADATA = "toolmesh/metadata"
NEXT = "toolmesh/next"
METADATA_BYTES_MAX = 16 * 1024
NOTHING = "null"
"""What a tool gives whose answer has no body."""

_encode = msgspec.json.Encoder().encode


def result_of(text: str, notes: list[str], metadata: bytes = b"", next_page: bytes = b"") -> bytes:
    """The MCP result. `notes`: sentences; `metadata`: JSON, or empty; `next_page`: JSON object, arguments of the call for
    the next page of a list, or empty. What it is, is in a note, too.

    Both come in blocks of their own behind the first, since a model sees nothing else, and in `_meta` for programs.
    """
    blocks = [{"type": "text", "text": text}]
    result: dict[str, Any] = {"content": blocks}
    meta: dict[str, Any] = {}
    if metadata:
        if len(metadata) <= METADATA_BYTES_MAX:
            meta[METADATA] = msgspec.Raw(metadata)
            blocks.append({"type": "text", "text": f"Metadata: {metadata.decode()}"})
        else:
            notes = [*notes, f"The answer's metadata is left out: it has more than {METADATA_BYTES_MAX} bytes."]
    if notes:
        meta[NOTE] = " ".join(notes)
        blocks.append({"type": "text", "text": meta[NOTE]})
    if next_page:
        meta[NEXT] = msgspec.Raw(next_page)
    if meta:
        result["_meta"] = meta
    return _encode(result)

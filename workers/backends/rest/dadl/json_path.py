"""The paths of a DADL file: RFC 9535 with names, indexes and `[*]`; no slices, filters or descendants.

A name behind a dot may hold what RFC 9535 wants in brackets (`$.invoice-items`), since published files write it so.
"""

import re
from typing import Literal

Segment = str | int | Literal[True]
"""A member's name, an index (negative: from the end), or True for all of them (`[*]`)."""

SEGMENTS_MAX = 64
PATH_CHARS_MAX = 1_000
_SEGMENT = re.compile(
    r"\.(?P<name>[^\s.\[\]'\"*()?@,:]+)"
    r"|\[(?P<index>-?[0-9]{1,9})\]"
    r"|(?P<all>\[\*\]|\.\*)"
    r"|\['(?P<single>(?:[^'\\]|\\.)*)'\]"
    r'|\["(?P<double>(?:[^"\\]|\\.)*)"\]'
)
_ESCAPED = re.compile(r"\\(['\"\\/])")


def parse_json_path(text: str) -> tuple[Segment, ...]:
    """The segments behind `$`. Raises ValueError, whose text says what is wrong and what to write."""
    if not text.startswith("$"):
        raise ValueError("a path begins with `$`, as in `$.data.items`")
    if len(text) > PATH_CHARS_MAX:
        raise ValueError(f"a path has at most {PATH_CHARS_MAX} characters")
    if ".." in text:
        raise ValueError("`..` (descendants) is not supported; name each member on the way, as in `$.data.items`")
    segments: list[Segment] = []
    at = 1
    while at < len(text):
        found = _SEGMENT.match(text, at)
        if found is None:
            raise ValueError(
                f"`{text[at : at + 20]}` is no part of a path that is supported; there are `.name`, `['name']`, `[0]`, "
                "`[-1]` and `[*]`"
            )
        segments.append(_segment(found))
        at = found.end()
        if len(segments) > SEGMENTS_MAX:
            raise ValueError(f"a path has at most {SEGMENTS_MAX} parts")
    return tuple(segments)


def _segment(found: re.Match[str]) -> Segment:
    if found["index"] is not None:
        return int(found["index"])
    if found["all"] is not None:
        return True
    quoted = found["single"] if found["single"] is not None else found["double"]
    return found["name"] if quoted is None else _ESCAPED.sub(r"\1", quoted)

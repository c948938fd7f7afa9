"""Where a text may end that is too long for one page."""

import unicodedata

_JOINERS = frozenset("\u200c\u200d")
_MARKS = frozenset({"Mn", "Mc", "Me"})
_BACK_CHARS = 32
"""How far back the end of a character is looked for that is made of many; what is longer is cut all the same."""
_WORD_CHARS = 200


def cut_at(text: str, start: int, limit: int) -> int:
    """Where a part of a text ends that begins at `start` and may reach to `limit`; `start < end <= limit`.

    After the last line break in the last quarter, else after the last space or comma shortly before the limit, else where
    nothing is cut in two that people take for one character (Unicode, UAX #29, as far as that is easily told).
    """
    if limit >= len(text):
        return len(text)
    line = text.rfind("\n", max(start, limit - (limit - start) // 4), limit) + 1
    if line > start and not _joined(text, line):
        return line
    nearest = max(start, limit - min(_WORD_CHARS, (limit - start) // 4))
    for end in range(limit, nearest, -1):
        if (text[end - 1].isspace() or text[end - 1] == ",") and not _joined(text, end):
            return end
    for end in range(limit, max(start, limit - _BACK_CHARS), -1):
        if not _joined(text, end):
            return end
    return limit


def _joined(text: str, at: int) -> bool:
    """Whether what stands before this place and what stands behind it are one character to a reader."""
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    if after in _JOINERS or before == "\u200d" or unicodedata.category(after) in _MARKS:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True  # the colour of a skin; a tag of a flag
    if _is_regional(before) and _is_regional(after):
        first = at - 1
        while first > 0 and at - first < _BACK_CHARS and _is_regional(text[first - 1]):
            first -= 1
        return (at - first) % 2 == 1  # flags are pairs
    return "\u1160" <= after <= "\u11ff" and ("\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3")


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"

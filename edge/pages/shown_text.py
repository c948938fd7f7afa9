"""Text of strangers, made fit to be looked at: on one line, visible, in reading order, and not too long.

What is left may still say anything: escaping is the page's part, and so is to say whose words they are (Unicode Technical
Report 36, "Visual Security Issues").
"""

import unicodedata

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(each) for each in range(0x180B, 0x1810)}
"""Drawn as nothing, although their category is that of letters, marks or symbols."""
_MARKS_MAX = 2
"""Combining marks on one letter: more of them grow over the lines above and below."""
_READ_MAX = 8
"""So many times as much is looked at as may be shown."""


def shown(text: str, characters_max: int) -> str:
    """The text without control, format and private characters; white space is one blank, and the end may become `…`."""
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text[: characters_max * _READ_MAX]):
        category = unicodedata.category(character)
        if category in ("Zs", "Zl", "Zp") or character in "\t\n\r":
            character = " "
        elif category[0] == "C" or character in _INVISIBLE:
            continue
        marks = marks + 1 if category[0] == "M" else 0
        if marks <= _MARKS_MAX and not (character == " " and (not kept or kept[-1] == " ")):
            kept.append(character)
    cleaned = "".join(kept).rstrip()
    if len(cleaned) <= characters_max and len(text) <= characters_max * _READ_MAX:
        return cleaned
    return cleaned[: characters_max - 1].rstrip() + "…"

"""Text of a stranger, made fit for a terminal: what a server says can't move the cursor, hide a line or end one."""

import unicodedata
from collections.abc import Iterable

TEXT_CHARACTERS_MAX = 300
"""Of one thing that a server said, as far as it is shown."""
LINE_CHARACTERS_MAX = 2_000


def clean(text: str, characters_max: int = LINE_CHARACTERS_MAX) -> str:
    """On one line, without control, format and other characters that no font shows (Unicode categories C, Zl, Zp)."""
    found = "".join(each if unicodedata.category(each)[0] != "C" else " " for each in text[: 4 * characters_max])
    found = " ".join(found.replace("\u2028", " ").replace("\u2029", " ").split())
    return found if len(found) <= characters_max else f"{found[:characters_max]}…"


def quoted(value: object) -> str:
    """A value that a server sent, for use inside a sentence: short, and marked as its words."""
    return f"`{clean(str(value), TEXT_CHARACTERS_MAX)}`"


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret taken out of it."""
    for secret in secrets:
        text = text.replace(secret, "(secret)")
    return text

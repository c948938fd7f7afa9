"""Words of a text, as they are looked for: names taken apart, in small letters, without accents, endings cut.

`createIssue`, `create_issue` and `create-issues` all have the words create and issue.
"""

import re
import unicodedata
from functools import lru_cache

_RUN = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IDEOGRAPH = re.compile("([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_WORD_CHARS_MAX = 40
_ENDING_LEAVES = 4
"""Letters that an ending must leave over: `string` does not end in -ing."""
_COMMON = (
    "a about all an and any are as at be by can do for from get given have how i if in into is it its me my not of on or "
    "our please that the their them then there this to tool tools use using want was we what when where which who will "
    "with you your"
)
STOP_WORDS = frozenset(_COMMON.split())
"""Too common to look for, unless there is nothing else."""


def words(text: str) -> list[str]:
    """The words of a text, in its order, each as often as it is there; a name of several parts also as a whole."""
    return [word for run in _RUN.findall(unicodedata.normalize("NFKC", text)) for word in _words_of(run[:_WORD_CHARS_MAX])]


@lru_cache(maxsize=4096)
def _words_of(run: str) -> tuple[str, ...]:
    if not run.isascii():
        return _elsewhere(run)
    parts = _PART.findall(run)
    whole = [stem(run.lower())] if len(parts) > 1 else []
    return (*(stem(part.lower()) for part in parts), *whole)


def _elsewhere(run: str) -> tuple[str, ...]:
    """Words of other scripts than plain ASCII: accents go; where words are not set apart, each character is one."""
    plain = "".join(c for c in unicodedata.normalize("NFD", run.casefold()) if not unicodedata.combining(c))
    return tuple(stem(piece) for piece in _IDEOGRAPH.split(plain) if piece)


def stem(word: str) -> str:
    """An English word without its ending, roughly; the same for most forms of one."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = _singular(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= _ENDING_LEAVES:
            word = word.removesuffix(ending)
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "lsz" else word
    return word[:-1] if len(word) > _ENDING_LEAVES and word.endswith("e") else word


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes", "zes")) else word[:-1]

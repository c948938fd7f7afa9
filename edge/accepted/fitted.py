"""Names that clients accept, for names that they don't: bad characters replaced, too long ones shortened.

Deterministic, and whatever the order: who can't have a name of its own gets a digest of the whole name behind it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection

CHARS_MAX = 64
_BAD_IN_TOOL = re.compile(r"[^A-Za-z0-9_-]")
_BAD_IN_PROPERTY = re.compile(r"[^A-Za-z0-9_.-]")
_DIGITS = (8, 16, 32)
"""Of the digest; more of them where fewer don't tell two names apart."""


def fits_tool(name: str) -> bool:
    """Whether a tool may be called that: `^[a-zA-Z0-9_-]{1,64}$` (OpenAI's function names, and Claude's)."""
    return 0 < len(name) <= CHARS_MAX and not _BAD_IN_TOOL.search(name)


def fits_property(name: str) -> bool:
    """Whether a property may be called that: `^[a-zA-Z0-9_.-]{1,64}$`."""
    return 0 < len(name) <= CHARS_MAX and not _BAD_IN_PROPERTY.search(name)


def fitted_tools(
    names: Collection[str], *, taken: Callable[[str], bool] = lambda name: False, whole: Callable[[str], str] = str
) -> dict[str, str]:
    """Name → the one that it is listed by, of those that can't be listed by their own. No two are listed by the same.

    `taken`: whether a name is another's, whatever fits; `whole`: what the digest of a name is taken over.
    """
    return _fitted(names, fits_tool, _BAD_IN_TOOL, taken, whole)


def fitted_properties(names: Collection[str]) -> dict[str, str]:
    """The same for the properties of one object."""
    return _fitted(names, fits_property, _BAD_IN_PROPERTY, lambda name: False, str)


def _fitted(
    names: Collection[str],
    fits: Callable[[str], bool],
    bad: re.Pattern[str],
    taken: Callable[[str], bool],
    whole: Callable[[str], str],
) -> dict[str, str]:
    rest = [name for name in names if not fits(name) or taken(name)]
    if not rest:
        return {}
    found: dict[str, str] = {}
    held = set(names).difference(rest)
    cleaned = {name: bad.sub("_", name) or "_" for name in rest}
    claims = Counter(cleaned.values())
    for name, alias in cleaned.items():
        if len(alias) <= CHARS_MAX and alias not in held and claims[alias] == 1 and not taken(alias):
            found[name] = alias
    held |= set(found.values())
    rest = [name for name in rest if name not in found]
    for digits in _DIGITS:
        aliases = {name: _suffixed(cleaned[name], whole(name), digits) for name in rest}
        claims = Counter(aliases.values())
        fresh = {name: alias for name, alias in aliases.items() if alias not in held and claims[alias] == 1}
        found |= fresh
        held |= set(fresh.values())
        rest = [name for name in rest if name not in fresh]
    return found


def _suffixed(cleaned: str, whole: str, digits: int) -> str:
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{cleaned[: CHARS_MAX - digits - 1]}_{digest}"

"""Ranges of versions, as `requires.toolmesh` has them: `>=0.3, <2`; all parts must hold (DADL 0.2, section 15.3)."""

import re

Version = tuple[int, int, int, bool, str]
"""Major, minor, patch, whether it is no pre-release, and the pre-release's name."""

_VERSION = re.compile(
    r"v?([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?"
)
_PART = re.compile(r"\s*(>=|<=|==|=|>|<|)\s*(\S+)\s*")


def parse_version(text: str) -> Version:
    """A version; what is missing counts as 0. Raises ValueError for what is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(f"`{text[:40]}` is no version")
    major, minor, patch = (int(found[at] or 0) for at in (1, 2, 3))
    return major, minor, patch, found[4] is None, found[4] or ""


def satisfies(own: str, wanted: str) -> bool:
    """Whether a version is in a range. Raises ValueError for a range that can't be read."""
    mine = parse_version(own)
    parts = wanted.split(",")
    if len(parts) > 10:
        raise ValueError("a range has at most 10 parts")
    held = [_holds(mine, part) for part in parts]  # all of them: each may be one that can't be read
    return all(held)


def _holds(mine: Version, part: str) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"`{part.strip()[:40]}` is no part of a range")
    other = parse_version(found[2])
    match found[1]:
        case ">=":
            return mine >= other
        case "<=":
            return mine <= other
        case ">":
            return mine > other
        case "<":
            return mine < other
        case _:
            return mine == other

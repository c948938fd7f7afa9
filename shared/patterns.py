"""Patterns that name tools: an exact name, a glob, or a class of calls, compiled so that no name takes long to look at.

`*` and `**` stand for any run of characters, an empty one too, `?` for one character; all others for themselves, in their
case. A glob is held against the whole name. `access:read`, `access:idempotent` and `access:write` stand for all of a class.
"""

import re
from collections.abc import Iterable
from typing import get_args

from shared.messages import CallClass

NAME_CHARS_MAX = 512
"""A longer name matches nothing. Tools have 161 characters at most; prompts are called what their server likes."""
PATTERN_CHARS_MAX = 512
BY_CLASS = "access:"
CLASS_PATTERNS: tuple[str, ...] = tuple(BY_CLASS + access for access in get_args(CallClass))
_WILD = re.compile(r"[*?]")
_STARS = re.compile(r"\*+")


class Patterns:
    """Several patterns at once."""

    __slots__ = ("_all", "_classes", "_ends", "_exact", "_globs", "_pieces", "_starts")

    def __init__(self, patterns: Iterable[str]) -> None:
        exact, classes = set(), set()
        starts, ends, pieces = [], [], []
        globs: list[re.Pattern[str]] = []
        for pattern in dict.fromkeys(_STARS.sub("*", pattern) for pattern in patterns):
            if pattern.startswith(BY_CLASS):
                classes.add(pattern.removeprefix(BY_CLASS))
            elif not _WILD.search(pattern):
                exact.add(pattern)
            elif pattern[-1] == "*" and not _WILD.search(pattern[:-1]):
                starts.append(pattern[:-1])
            elif pattern[0] == "*" and not _WILD.search(pattern[1:]):
                ends.append(pattern[1:])
            elif pattern[0] == pattern[-1] == "*" and not _WILD.search(pattern[1:-1]):
                pieces.append(pattern[1:-1])
            else:
                globs.append(_compiled(pattern))
        self._exact = frozenset(exact)
        self._classes = frozenset(classes)
        self._all = "" in starts
        self._starts = tuple(starts)
        self._ends = tuple(ends)
        self._pieces = tuple(pieces)
        self._globs = tuple(globs)

    @classmethod
    def joined(cls, parts: Iterable["Patterns"]) -> "Patterns":
        """One that is of what any of these is of; nothing is compiled again."""
        found, parts = cls(()), tuple(parts)
        found._exact = frozenset().union(*(part._exact for part in parts))
        found._classes = frozenset().union(*(part._classes for part in parts))
        found._starts = tuple(start for part in parts for start in part._starts)
        found._ends = tuple(end for part in parts for end in part._ends)
        found._pieces = tuple(piece for part in parts for piece in part._pieces)
        found._globs = tuple(glob for part in parts for glob in part._globs)
        found._all = any(part._all for part in parts)
        return found

    def match(self, name: str, access: CallClass) -> bool:
        """Whether one of them is of that name, or of that class."""
        if len(name) > NAME_CHARS_MAX:
            return False
        return (
            self._all
            or access in self._classes
            or name in self._exact
            or name.startswith(self._starts)
            or name.endswith(self._ends)
            or any(piece in name for piece in self._pieces)
            or any(glob.fullmatch(name) for glob in self._globs)
        )


def literal_start(pattern: str) -> str:
    """What a pattern begins with before its first wildcard."""
    found = _WILD.search(pattern)
    return pattern if found is None else pattern[: found.start()]


def _compiled(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression that never tries a piece again.

    The first place where a piece between two stars fits leaves the most to the pieces behind it, so no other place has to
    be tried: an atomic group keeps it. The time is at most the name's length times the pattern's.
    """
    first, *rest = [re.escape(piece).replace(r"\?", ".") for piece in pattern.split("*")]
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + ".*" + last, re.DOTALL)

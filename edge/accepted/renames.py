"""Names that were listed and lead nowhere now, and what their tools are called since, as far as can be guessed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from shared.listed_names import ListedName

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ordered = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Gone:
    """One name."""

    listed: str
    """As clients know it."""
    own: str
    """As the backend called the tool."""
    now: str
    """The backend's name for a tool that is new and the same but for its name; empty where there is none, or several."""


def digest_of(definition: bytes) -> str:
    """Of a definition, whatever its name: 16 hex digits. `definition`: JSON of an MCP `Tool`."""
    members = {name: value for name, value in _members.decode(definition).items() if name != "name"}
    return hashlib.sha256(_ordered(members)).hexdigest()[:16]


def gone(before: Mapping[str, ListedName], now: Mapping[str, ListedName], leads_there: Callable[[str], bool]) -> list[Gone]:
    """What was listed, and is neither listed now nor leads to a tool of the backend. `before`, `now`: by listed name."""
    lost = [name for name in before if name not in now and not leads_there(name)]
    known = {each.own for each in before.values()}
    fresh: dict[str, list[str]] = {}
    for each in now.values():
        if each.own not in known:
            fresh.setdefault(each.digest, []).append(each.own)
    found = []
    for name in sorted(lost):
        candidates = fresh.get(before[name].digest, [])
        found.append(Gone(name, before[name].own, candidates[0] if len(candidates) == 1 else ""))
    return found

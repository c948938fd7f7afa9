"""What is said in front of scripts of the backends that a caller may use: their names, and what operators say of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from edge.authorize import Authorizer
from edge.shelf import Shelf
from shared.configuration import BackendEntry
from shared.identity import Principal

_CHARS_MAX = 2_000
_HINT_CHARS_MAX = 300


class BackendHints:
    """Knows them for one edge."""

    def __init__(
        self, entries: Mapping[str, BackendEntry], shelves: Callable[[], Mapping[str, Shelf]], authorizer: Authorizer
    ) -> None:
        self._entries = entries
        self._shelves = shelves
        self._authorizer = authorizer

    def text_for(self, principal: Principal) -> str:
        """One paragraph of at most 2,000 characters, the same as long as nothing changes; empty where there is nothing."""
        may_use = self._authorizer.may_use
        names = [
            name
            for name, shelf in sorted(self._shelves().items())
            if any(may_use(principal, tool.name, tool.access) for tool in shelf.tools.values())
        ]
        if not names:
            return ""
        listed = f"Backends: {_within(names, ', ', _CHARS_MAX // 2)}."
        hints = _within(self._hints(names), "; ", _CHARS_MAX - len(f"{listed} Hints: ."))
        return f"{listed} Hints: {hints}." if hints else listed

    def _hints(self, names: Iterable[str]) -> list[str]:
        """One for all backends that say the same."""
        saying: dict[str, list[str]] = {}
        for name in names:
            hint = " ".join((self._entries[name].hint or "").split())
            if hint:
                saying.setdefault(hint[:_HINT_CHARS_MAX].rstrip("."), []).append(name)
        return [f"{', '.join(those)}: {hint}" for hint, those in saying.items()]


def _within(parts: Sequence[str], between: str, chars_max: int) -> str:
    """As many of them, from the first on, as have room, and how many more there are."""
    text = ""
    for number, part in enumerate(parts):
        longer = f"{text}{between}{part}" if text else part
        more = f"{between}and {len(parts) - number} more"
        left = len(parts) - number - 1
        if len(longer) + (len(more) if left else 0) > chars_max:
            return f"{text}{more}" if text else ""
        text = longer
    return text

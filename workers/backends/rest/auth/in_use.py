"""The secret values that a way of authenticating uses, or used a moment ago: requests with those may be under way."""

_REMEMBERED_MAX = 64


class InUse:
    """The newest ones; the oldest goes for a new one."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self.values: tuple[str, ...] = ()
        """Another object only when they are others."""

    def add(self, *values: str) -> None:
        """Take these for secrets from now on."""
        new = [value for value in values if value and value not in self._known]
        if not new:
            return
        self._known.update(dict.fromkeys(new))
        while len(self._known) > _REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self.values = tuple(self._known)

"""The secret values that a way of authenticating uses, or used a moment ago: requests with those may be under way."""

_REMEMBERED = 64


class InUse:
    """Those that were used last; one that was not used for the longest time goes for a new one."""

    def __init__(self, beside: int = 0) -> None:
        """`beside`: how many more there may be of what others decide on, as cookies of an API."""
        self._most = _REMEMBERED + beside
        self._known: dict[str, None] = {}
        self.values: tuple[str, ...] = ()
        """Another object only when they are others."""

    def add(self, *values: str) -> None:
        """Take these for secrets from now on. They are in use, so what matters most comes last."""
        new = False
        for value in filter(None, values):
            new |= value not in self._known
            self._known.pop(value, None)
            self._known[value] = None
        if not new:
            return
        for _ in range(len(self._known) - self._most):
            del self._known[next(iter(self._known))]
        self.values = tuple(self._known)

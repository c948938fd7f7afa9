"""How many children each tenant has at work, and how many it may have."""

from collections import Counter

_LEAST = 2
_KNOWN_MAX = 1_000


class Shares:
    """Mutable. A run that ends its child costs all others the start of a new one. So it halves what its tenant may have at
    work, down to two; each run that leaves its child as it was gives one back."""

    def __init__(self, tenant_max: int) -> None:
        self._most = tenant_max
        self._least = min(_LEAST, tenant_max)
        self._at_work: Counter[str] = Counter()
        self._narrowed: dict[str, int] = {}
        """What tenants may have that may have less than all; the last that were narrowed, at the end."""

    def room(self, tenant: str) -> int:
        """How many more it may have now; less than none, where it had them before it was narrowed."""
        return self._narrowed.get(tenant, self._most) - self._at_work[tenant]

    def count(self, tenant: str) -> int:
        """How many it has at work."""
        return self._at_work[tenant]

    def take(self, tenant: str) -> None:
        """One more is at work."""
        self._at_work[tenant] += 1

    def give_back(self, tenant: str, *, clean: bool) -> None:
        """One is done. `clean`: its child can be used again."""
        self._at_work[tenant] -= 1
        if not self._at_work[tenant]:
            del self._at_work[tenant]
        allowed = self._narrowed.pop(tenant, self._most)
        allowed = allowed + 1 if clean else max(allowed // 2, self._least)
        if allowed < self._most:
            self._narrowed[tenant] = allowed
            if len(self._narrowed) > _KNOWN_MAX:
                del self._narrowed[next(iter(self._narrowed))]

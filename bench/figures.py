"""Figures by name, one value per round; medians and noise of them."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share (0…1) of the values lies: nearest rank, no interpolation."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Figures:
    """What was measured: name → one value per round."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """Keep one round's value."""
        self._values[name].append(value)

    def has(self, name: str) -> bool:
        return name in self._values

    def median(self, name: str) -> float:
        """The median over the rounds. Raises KeyError for what was not measured."""
        if name not in self._values:
            raise KeyError(name)
        return median(self._values[name])

    def noise(self, name: str) -> float | None:
        """Half the distance between the lowest and the highest round, as a share of the median; None for a single round."""
        values = self._values[name]
        middle = median(values)
        return (max(values) - min(values)) / 2 / middle if len(values) > 1 and middle else None

    def as_dict(self) -> dict[str, dict[str, float | list[float]]]:
        """All of them, for JSON."""
        return {
            name: {"median": round(median(values), 4), "rounds": [round(value, 4) for value in values]}
            for name, values in sorted(self._values.items())
        }

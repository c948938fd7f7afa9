"""One row of the bench's table, and its goal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.figures import Figures

Wanted = tuple[str, str, str, str | None, float]
"""What, unit, name of the figure, text and limit of the goal; the text is None where there is none."""

Pair = tuple[str, str, str, str]
"""What, unit, name of the figure without what is measured, name of the one with it."""


@dataclass(frozen=True)
class Goal:
    """A limit of a figure: `value` is compared with it, which may be another figure than the one that the row shows."""

    text: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `base` is the same thing without the mesh, where there is such a thing."""

    what: str
    unit: str
    mesh: float
    base: float | None = None
    noise: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Through the mesh ÷ without."""
        return self.mesh / self.base if self.base else None


def single_rows(figures: Figures, wanted: Iterable[Wanted]) -> Iterator[Row]:
    """Rows of figures that have nothing to be compared with. Raises KeyError for a figure that was not measured."""
    for what, unit, name, text, limit in wanted:
        goal = Goal(text, figures.median(name), limit) if text else None
        yield Row(what=what, unit=unit, mesh=figures.median(name), noise=figures.noise(name), goal=goal)


def pair_rows(figures: Figures, pairs: Iterable[Pair]) -> Iterator[Row]:
    """Rows of two figures each. Raises KeyError for one that was not measured."""
    for what, unit, base, mesh in pairs:
        yield Row(what=what, unit=unit, base=figures.median(base), mesh=figures.median(mesh))

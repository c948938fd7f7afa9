"""Parts of the bench that need nothing of the others: each has a mesh of its own, and can be measured alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figures
from bench.log_ins import ROWS as LOG_IN_ROWS
from bench.log_ins import measure_log_ins
from bench.row import Row, Wanted, single_rows
from bench.scenarios import Plan, Say
from bench.scripts import ROWS as SCRIPT_ROWS
from bench.scripts import measure_scripts


@dataclass(frozen=True)
class Part:
    """`measure(folder, plan, figures, say)` raises BadAnswer."""

    name: str
    """As `--only` has it."""
    measure: Callable[[Path, Plan, Figures, Say], None]
    wanted: tuple[Wanted, ...]

    def rows(self, figures: Figures) -> list[Row]:
        """Its rows of the table. Raises KeyError for a figure that was not measured."""
        return list(single_rows(figures, self.wanted))


PARTS = (
    Part("log-ins", measure_log_ins, LOG_IN_ROWS),
    Part("scripts", measure_scripts, SCRIPT_ROWS),
)

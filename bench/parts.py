"""Parts of the bench that need nothing of the others: each has a mesh of its own, and can be measured alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.dadl_files import ROWS as DADL_ROWS
from bench.dadl_files import measure_dadl_files
from bench.discovery import PAIRS as DISCOVERY_PAIRS
from bench.discovery import ROWS as DISCOVERY_ROWS
from bench.discovery import measure_discovery
from bench.evil import ROWS as EVIL_ROWS
from bench.evil import measure_evil
from bench.figures import Figures
from bench.log_ins import ROWS as LOG_IN_ROWS
from bench.log_ins import measure_log_ins
from bench.rest import ROWS as REST_ROWS
from bench.rest import measure_rest
from bench.row import Pair, Row, Wanted, pair_rows, single_rows
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
    pairs: tuple[Pair, ...] = ()
    may_be_left_out: bool = False
    """Whether it measures nothing where something is missing that does not belong to the project."""

    def rows(self, figures: Figures) -> list[Row]:
        """Its rows of the table. Raises KeyError for a figure that was not measured."""
        if self.may_be_left_out and not any(figures.has(name) for _, _, name, _, _ in self.wanted):
            return []
        return [*single_rows(figures, self.wanted), *pair_rows(figures, self.pairs)]


PARTS = (
    Part("log-ins", measure_log_ins, LOG_IN_ROWS),
    Part("scripts", measure_scripts, SCRIPT_ROWS),
    Part("discover", measure_discovery, DISCOVERY_ROWS, DISCOVERY_PAIRS),
    Part("rest", measure_rest, REST_ROWS),
    Part("evil", measure_evil, EVIL_ROWS),
    Part("dadl", measure_dadl_files, DADL_ROWS, may_be_left_out=True),
)

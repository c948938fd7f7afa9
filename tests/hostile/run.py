"""`make hostile`: every hostile script through a real mesh, judged, and what it left counted; ends with one line of JSON.

    python -m tests.hostile.run [--only WORD] [--write-docs] [--keep] [--seed N]

Cases run one after the other, so that their times mean something. Exit code 0 only if each ended as expected and in time,
and nothing leaked or was left.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.table import write_between_marks
from tests.client import Client
from tests.hostile import books, corpus, killing
from tests.hostile.arena import BUDGET_MS, Arena, arena
from tests.hostile.breakout import break_out
from tests.hostile.bystander import Bystander
from tests.hostile.case import Case, Ended
from tests.hostile.crowd import HONEST, HOSTILE, crowd
from tests.hostile.leftovers import Leftovers
from tests.hostile.processes import Watch
from tests.hostile.table import counted, write_line, write_table
from tests.hostile.trials import LATE_MS, Trial, Trials
from tests.mesh import API_KEY

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
_CROWDS_MAX = 3
"""Tries of the crowd, whose figure others who use the machine spoil most."""
_BEGIN, _END = "<!-- hostile:begin -->", "<!-- hostile:end -->"


@dataclass
class Total:
    """What the whole run adds up to."""

    trials: list[Trial] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The one line of JSON."""
        return json.dumps(
            {
                "cases": len(self.trials),
                "as_expected": sum(trial.as_expected for trial in self.trials),
                "late": sum(trial.late for trial in self.trials),
                "leaked": len(self.leaked) + sum(bool(trial.left) for trial in self.trials),
                "left_over": len(self.left_over),
            }
        )

    def figure(self, text: str) -> None:
        """Say something that is worth a line in the page, too."""
        self.figures.append(text)
        say(text)

    @property
    def clean(self) -> bool:
        """Whether all is as expected."""
        return all(trial.as_expected for trial in self.trials) and not (self.leaked or self.left_over or self.failed)


def say(text: str) -> None:
    """For people."""
    print(text, flush=True)


def through_a_mesh(directory: Path, cases: list[Case], total: Total, seed: int) -> None:
    """All scripts, then the crowd, then the killing; then the books are read."""
    with arena(directory) as there:
        watch = Watch(there.workers)
        leftovers = Leftovers(there)
        client = Client(there.running.edges[1][1], API_KEY)
        there.running.clients.append(client)
        bystander = Bystander(client)
        bystander.start()
        trials = Trials(there, lambda trial: say(write_line(trial)))
        try:
            trials.run(cases)
        finally:
            total.trials += trials.done
            bystander.stop()
        total.failed += [f"a call beside the scripts: {wrong}" for wrong in bystander.wrong[:5]]
        total.figure(
            f"Beside them {len(bystander.took_ms)} calls of `echo_echo` at the other edge: all answered, p50"
            f" {bystander.percentile(0.5):.0f} ms, p95 {bystander.percentile(0.95):.0f} ms."
            if not bystander.wrong
            else f"{len(bystander.wrong)} calls beside them were not answered."
        )
        _together(there, total, seed)
        total.leaked += books.leaks(there, trials.calls, frozenset({killing.TOKEN}))
        total.failed += books.gaps(there)
        total.left_over += leftovers.found()
        say(f"processes: {leftovers.said()}")
        watch.stop()
    total.left_over += [f"child {pid} is left" for pid in watch.left()]


def _together(there: Arena, total: Total, seed: int) -> None:
    for tries in range(_CROWDS_MAX):
        people = crowd(there)
        there.wait_until_full()
        if not people.wrong():
            break
        say(f"     crowd {tries + 1}: honest ones p95 {people.honest_p95_ms:.0f} ms, {counted(_trials(people.honest))}")
    total.failed += people.wrong()
    total.figure(
        f"H29: {HOSTILE} hostile scripts of one caller at once, all ended; {HONEST} honest ones of another beside them:"
        f" p95 {people.honest_p95_ms:.0f} ms."
    )
    say(f"     the crowd: {counted(_trials(people.hostile))}")
    killed = killing.killing(there, seed)
    total.failed += killed.wrong()
    total.figure(
        f"H28: {killed.kills} children killed at random beside {len(killed.ends)} scripts: {killed.crashed} of them failed,"
        f" with `sandbox_crashed`; the pools were full again."
    )


def _trials(ends: list[Ended]) -> list[Trial]:
    return [Trial(Case("", "", ""), ended) for ended in ends]


def out_of_the_engine(cases: list[Case], total: Total) -> None:
    """What a child can do whose engine is broken."""

    def told(case: Case, ended: Ended) -> None:
        total.trials.append(Trial(case, ended, wrong=case.why_not(ended)))
        say(write_line(total.trials[-1]))

    reached = break_out(cases, BUDGET_MS / 1000, told)
    total.leaked += [f"a broken child asked for {name}" for name in reached if name not in ("echo_time",)]


def write_docs(total: Total) -> None:
    """The table and the figures, between the marks of the page."""
    listed = "".join(f"- {figure}\n" for figure in total.figures)
    machine = f"{os.cpu_count()} processors, load average {os.getloadavg()[1]:.1f} (what others ran counts)"
    text = f"{len(total.trials)} cases with {BUDGET_MS:g} ms each, on {machine}: {counted(total.trials)}.\n\n{listed}\n"
    write_between_marks(_PAGE, text + write_table(total.trials), _BEGIN, _END)


def main() -> int:
    """Run; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose number or name has this in it")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/sandbox.md")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--keep", action="store_true", help="keep the logs, also of a run that is clean")
    given = parser.parse_args()
    wanted = [[c for c in cases if given.only in f"{c.number} {c.name}"] for cases in (corpus.SCRIPTS, corpus.BROKEN_OUT)]
    total, directory = Total(), Path(tempfile.mkdtemp(prefix="toolmesh-hostile-"))
    say(f"hostile: seed {given.seed}; each case has {BUDGET_MS:g} ms, and is late after {LATE_MS:g} ms")
    began = time.monotonic()
    try:
        out_of_the_engine(wanted[1], total)
        through_a_mesh(directory, wanted[0], total, given.seed)
    except (AssertionError, OSError, ValueError) as wrong:
        total.failed.append(str(wrong))
    except KeyboardInterrupt:
        total.failed.append("interrupted")
    for failure in [*total.failed, *total.leaked, *total.left_over]:
        say(f"FAILED: {failure}")
    say(f"{counted(total.trials)}; {time.monotonic() - began:.0f} s")
    if given.write_docs:
        write_docs(total)
    if total.clean and not given.keep:
        with suppress(OSError):
            shutil.rmtree(directory)
    else:
        say(f"logs: {directory}")
    say(total.line())
    return 0 if total.clean else 1


if __name__ == "__main__":
    sys.exit(main())

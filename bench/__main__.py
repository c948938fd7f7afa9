"""`python -m bench [--quick] [--write-docs]`: measure, print the table, write `bench.json` and `bench.svg` to bench/out.

`--only PART` measures that part alone (`bench/parts.py`), and writes nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.connection import BadAnswer
from bench.figures import Figures
from bench.load import LoadGeneratorMissing, find_wrk
from bench.machine import ForeignLoad, describe_machine
from bench.mesh import http_backend
from bench.parts import PARTS
from bench.plot import TITLE, panels, write_plot
from bench.row import Row
from bench.rows import build_rows
from bench.scenarios import FULL, QUICK, Plan, Say, run_round, warm_up
from bench.sessions import measure_idle_sessions
from bench.single import measure_idle, measure_memory, measure_start
from bench.stage import made, running_stage
from bench.table import write_between_marks, write_table
from bench.upstreams import running_upstream
from toolmesh.broker import find_server

_OUT = Path(__file__).parent / "out"
_DOCS = Path(__file__).parent.parent / "docs"
_QUIET_PERCENT = 10.0
"""What others may use of a core before the bench says that its figures are not worth much."""


def main() -> int:
    """Exit code: 0 measured (goals met or not), 1 something answered wrongly, 2 the load generator is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the mesh on this machine.")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything works")
    parser.add_argument("--write-docs", action="store_true", help="put table and plot into docs/performance.md")
    parser.add_argument(
        "--only", choices=[part.name for part in PARTS], help="measure that part alone: prints its rows, writes nothing"
    )
    options = parser.parse_args()
    if options.only and options.write_docs:
        parser.error("--write-docs puts the whole table into the page: leave out --only")
    plan = QUICK if options.quick else FULL
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)

    try:
        find_wrk()
        if options.only:
            return measure_part(options.only, plan, say)
        figures = measure(plan, say)
    except LoadGeneratorMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    except BadAnswer as bad:
        print(f"bench: {bad}", file=sys.stderr)
        return 1
    report(figures, build_rows(figures), plan, write_docs=options.write_docs)
    return 0


def measure(plan: Plan, say: Say) -> Figures:
    """Run everything. Raises BadAnswer as soon as one answer is not the wanted one."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="toolmesh-bench-") as name:
        folder = Path(name)
        say("starting upstreams, brokers, edges and workers")
        with running_stage(folder) as stage:
            say("warming up")
            warm_up(stage)
            foreign = ForeignLoad()
            for number in range(plan.rounds):
                say(f"round {number + 1} of {plan.rounds}")
                run_round(number, plan, stage, figures, lambda what: say(f"  {what}"))
                figures.add("foreign/percent", foreign.percent())
            measure_memory(stage.mesh, figures)
        say("idle sessions and streams")
        measure_idle_sessions(made(folder / "sessions"), figures)
        for part in PARTS:
            part.measure(made(folder / part.name), plan, figures, say)
        # One upstream is enough for what follows, and nothing else may be running.
        with running_upstream(folder) as upstream_url:
            say("idle with many backends")
            measure_idle(made(folder / "idle"), upstream_url, plan.idle_s, figures)
            say("start of toolmesh up")
            measure_start(made(folder / "up"), [http_backend("up", upstream_url, "echo")], plan.starts, figures)
    return figures


def measure_part(name: str, plan: Plan, say: Say) -> int:
    """One part alone; exit code 0. Raises BadAnswer."""
    figures = Figures()
    part = next(part for part in PARTS if part.name == name)
    with tempfile.TemporaryDirectory(prefix="toolmesh-bench-") as folder:
        foreign = ForeignLoad()
        part.measure(made(Path(folder) / name), plan, figures, say)
        figures.add("foreign/percent", foreign.percent())
    _tell(figures, part.rows(figures))
    return 0


def report(figures: Figures, rows: Sequence[Row], plan: Plan, *, write_docs: bool) -> None:
    """Print the table and write the files."""
    machine = describe_machine(find_server())
    table = write_table(rows)
    plot = write_plot(TITLE, panels(figures))
    _OUT.mkdir(exist_ok=True)
    document = {
        "machine": machine,
        "plan": asdict(plan),
        "figures": figures.as_dict(),
        "rows": [asdict(row) for row in rows],
    }
    (_OUT / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (_OUT / "bench.svg").write_text(plot, encoding="utf-8")
    _tell(figures, rows)
    print("bench/out/bench.json  bench/out/bench.svg")
    if write_docs:
        taken_on = ", ".join(f"{name} {value}" for name, value in machine.items())
        intro = f"\nTaken on: {taken_on}. {plan.rounds} interleaved rounds, medians; "
        intro += f"others used {figures.median('foreign/percent'):.0f} % of a core meanwhile.\n\n"
        write_between_marks(_DOCS / "performance.md", f"{intro}{table}\n")
        (_DOCS / "performance.svg").write_text(plot, encoding="utf-8")
        print("docs/performance.md  docs/performance.svg")


def _tell(figures: Figures, rows: Sequence[Row]) -> None:
    print(write_table(rows))
    missed = [row.what for row in rows if row.goal and not row.goal.met]
    print(f"goals missed: {'; '.join(missed) or 'none'}")
    if (foreign := figures.median("foreign/percent")) > _QUIET_PERCENT:
        print(f"Others used {foreign:.0f} % of a core meanwhile: don't trust the figures of this run.")


if __name__ == "__main__":
    sys.exit(main())

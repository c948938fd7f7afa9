"""What a REST backend costs its worker: building requests, processor time of a call, and room for a huge answer."""

import json
import subprocess
import sys
from pathlib import Path

from bench.connection import BadAnswer
from bench.figures import Figures
from bench.row import Wanted
from bench.scenarios import Plan, Say
from bench.upstreams import running_rest_upstream

_PROCESS_S = 120

ROWS: tuple[Wanted, ...] = (
    ("building a request, the slower of two ordinary ones", "µs", "rest/build_us", "≤ 150 µs", 150.0),
    ("a REST call: CPU of the worker, without the hop", "µs", "rest/call_us", None, 0.0),
    ("the same request by the HTTP client alone", "µs", "rest/plain_us", None, 0.0),
    ("a REST call: CPU over the HTTP client's own", "µs", "rest/over_us", "≤ 500 µs", 500.0),
    ("an upstream's answer of 1 GiB: RSS grows by", "MiB", "rest/grown_mib", "≤ 50 MiB", 50.0),
)


def measure_rest(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it. Raises BadAnswer."""
    with running_rest_upstream(folder) as url:
        for number in range(plan.rounds):
            say(f"REST calls, round {number + 1} of {plan.rounds}")
            found = _measured(url, folder / f"calls-{number}", max(plan.sequential_calls, 100))
            figures.add("rest/build_us", found["build_s"] * 1e6)
            figures.add("rest/call_us", found["call_s"] * 1e6)
            figures.add("rest/plain_us", found["plain_s"] * 1e6)
            figures.add("rest/over_us", (found["call_s"] - found["plain_s"]) * 1e6)
            figures.add("rest/grown_mib", found["grown_bytes"] / 2**20)


def _measured(url: str, folder: Path, calls: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.rest_calls", url, str(folder), str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PROCESS_S, check=False)
    if done.returncode != 0:
        raise BadAnswer(f"REST calls could not be measured: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found

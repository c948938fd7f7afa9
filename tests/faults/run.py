"""`make faults`: the ten most telling cells, then a load under random faults; ends with one line of JSON.

    python -m tests.faults.run [--full] [--seed N] [--calls N] [--faults N] [--keep]

Exit code 0 only if no call was lost, duplicated, misrouted or left unanswered, and the audit has no gap.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from tests.faults.faults import Faults
from tests.faults.history import History
from tests.faults.load import Load
from tests.faults.oracle import EdgeFault, Verdict, check
from tests.faults.scenarios import FORGETS, SCENARIOS, Stage, default_lease_figure
from tests.faults.scene import Scene
from tests.mesh import wait_until

_LIMIT_S = 25.0
"""The time of a call (`TOOLMESH_EXEC_TIMEOUT`, here 20 s) and 5 s."""
_CLIENTS = 40
_ENDING_S = 75.0
_WATCHDOG_S = 295.0


@dataclass
class Total:
    """What the whole run adds up to."""

    calls: int = 0
    faults: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, calls: int, faults: int) -> None:
        self.calls += calls
        self.faults += faults
        self.counts.update(verdict.counts())
        self.gaps += len(verdict.gaps)
        if not verdict.clean or verdict.not_promised:
            say(str(verdict))

    def line(self) -> str:
        """The one line of JSON."""
        kinds = ("lost", "duplicated", "misrouted", "unanswered")
        return json.dumps({"calls": self.calls, "faults": self.faults, **{kind: self.counts[kind] for kind in kinds}})

    @property
    def clean(self) -> bool:
        return not (self.counts.total() or self.gaps or self.failed)


def say(text: str) -> None:
    """Progress, for people."""
    print(text, flush=True)


def play_scenarios(directory: Path, total: Total) -> None:
    """The cells, on one scene; each is judged by itself."""
    scene = Scene(directory)
    try:
        scene.start(edges=2, workers=3)
        for scenario in SCENARIOS:
            scene.mend()
            stage, began = Stage(scene), time.monotonic()
            failure = ""
            try:
                scenario(stage)
            except AssertionError as wrong:
                failure = str(wrong).splitlines()[0]
                total.failed.append(f"{scenario.__name__}: {failure}")
            scene.mend()
            verdict = _judge(scene, stage.history, [], audit_lost=scenario in FORGETS)
            word = "FAILED" if failure or not verdict.clean else "ok"
            say(f"{word:6} {scenario.__name__} ({time.monotonic() - began:.1f} s) {failure}")
            for figure in stage.figures:
                say(f"         {figure}")
            total.add(verdict, len(stage.history.asks), 1)
    finally:
        scene.close()


def _judge(scene: Scene, history: History, edge_faults: list[EdgeFault], *, audit_lost: bool = False) -> Verdict:
    """Wait until nothing runs any more, and until the audit has everything, or surely has not."""
    wait_until(lambda: scene.sight.queued() == 0, "nothing is on the queues", 40)

    def verdict() -> Verdict:
        return check(history.asks, scene.book(), scene.trail(), edge_faults=edge_faults, audit_lost=audit_lost)

    with suppress(AssertionError):
        wait_until(lambda: not verdict().gaps, "the audit is whole", 5)
    return verdict()


def load_under_faults(directory: Path, total: Total, given: argparse.Namespace) -> None:
    """The load: as long as it takes for that many calls and that many faults."""
    scene, history = Scene(directory), History()
    try:
        scene.start(edges=2, workers=3)
        load = Load(scene, history, given.seed, clients=_CLIENTS, calls=1_000_000, limit_s=_LIMIT_S)
        faults = Faults(scene, given.seed)
        began, told = time.monotonic(), 0.0
        load.start(_CLIENTS * given.seconds / given.calls / 2)
        faults.start()
        while (load.made < given.calls or faults.done < given.faults) and time.monotonic() - began < 1.5 * given.seconds:
            time.sleep(0.2)
            if time.monotonic() > told + 10:
                told = time.monotonic()
                say(f"         {told - began:4.0f} s: {load.made} calls, {faults.done} faults")
        faults.stop()
        load.stop()
        scene.mend()
        if not load.join(_ENDING_S):
            total.failed.append("a client is still waiting")
        _report(history, load, faults, time.monotonic() - began)
        (directory / "history.jsonl").write_text("".join(json.dumps(asdict(ask)) + "\n" for ask in history.asks))
        total.failed += faults.failures
        total.failed += [f"raised: {trace.splitlines()[0]}" for trace in scene.tracebacks()]
        total.add(_judge(scene, history, faults.of_edges), len(history.asks), faults.done)
    finally:
        scene.close()


def _report(history: History, load: Load, faults: Faults, took_s: float) -> None:
    ends = Counter(f"{ask.end} {ask.code}".strip()[:60] for ask in history.asks)
    sendings, cuts = sum(c.sendings for c in load.clients), sum(c.cuts for c in load.clients)
    say(f"         {len(history.asks)} calls in {took_s:.0f} s, sent {sendings} times, {cuts} cut by their clients")
    say(f"         ends: {dict(ends.most_common())}")
    say(f"         faults: {dict(sorted(faults.kinds.items()))}")
    slow = sorted(ask.ended - ask.began for ask in history.asks)
    say(f"         from first sending to end: median {slow[len(slow) // 2]:.2f} s, longest {slow[-1]:.1f} s")


def measure_default_lease(directory: Path) -> None:
    """The figure for the lease that the product comes with."""
    scene = Scene(directory, TOOLMESH_LEASE_S="10", TOOLMESH_LEASE_RENEW_S="3", TOOLMESH_SWEEP_S="0.75")
    try:
        scene.start(edges=1, workers=2)
        say(f"         {default_lease_figure(scene)}")
    finally:
        scene.close()


def main() -> int:
    """Run; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="a longer load: 20,000 calls, 400 faults")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=110, help="how long the load is to take, about")
    parser.add_argument("--only", choices=("scenarios", "load"))
    parser.add_argument("--keep", action="store_true", help="keep the logs, also of a run that is clean")
    given = parser.parse_args()
    if given.full:
        given.calls, given.faults, given.seconds = 4 * given.calls, 4 * given.faults, 4 * given.seconds
    say(f"faults: seed {given.seed}")
    total = Total()
    directory = Path(tempfile.mkdtemp(prefix="toolmesh-faults-"))
    signal.signal(signal.SIGTERM, _interrupt)
    watchdog = threading.Timer(_WATCHDOG_S * (4 if given.full else 1), signal.raise_signal, (signal.SIGTERM,))
    watchdog.daemon = True
    watchdog.start()
    try:
        for part in ("lease", "scenarios", "load"):
            (directory / part).mkdir()
        if given.only != "load":
            measure_default_lease(directory / "lease")
            play_scenarios(directory / "scenarios", total)
        if given.only != "scenarios":
            load_under_faults(directory / "load", total, given)
    except KeyboardInterrupt:
        total.failed.append("interrupted")
    except AssertionError as wrong:
        total.failed.append(str(wrong).splitlines()[0])
    for failure in total.failed:
        say(f"FAILED: {failure}")
    if total.clean and not given.keep:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        say(f"logs: {directory}")
    say(total.line())
    return 0 if total.clean else 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

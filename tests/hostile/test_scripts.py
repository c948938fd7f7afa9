"""A few of the hostile scripts through a mesh, at every test run; `make hostile` sends them all, and measures."""

from pathlib import Path

from tests.hostile import books
from tests.hostile.arena import arena
from tests.hostile.breakout import break_out
from tests.hostile.case import Case, Ended
from tests.hostile.corpus import BROKEN_OUT, QUICK
from tests.hostile.processes import Watch
from tests.hostile.trials import Trials
from tests.mesh import wait_until

_BUDGET_MS = 3000.0
"""More than in `make hostile`: here others use the machine, and how soon each ends is not looked at."""


def test_hostile_scripts_end_as_they_have_to_and_leave_nothing(tmp_path: Path) -> None:
    with arena(tmp_path, budget_ms=_BUDGET_MS) as there:
        watch = Watch(there.workers)
        trials = Trials(there, lambda trial: None)
        trials.run(QUICK)
        assert [(t.case.name, t.wrong or t.left) for t in trials.done if t.wrong or t.left] == []
        assert len(trials.done) == len(QUICK) > 10
        assert books.leaks(there, trials.calls, frozenset()) == []
        assert books.gaps(there) == []
        watch.stop()
    wait_until(lambda: not watch.left(), "no child is left")


def test_what_breaks_out_of_its_engine_reaches_nothing() -> None:
    ends: list[tuple[Case, Ended]] = []
    cases = [case for case in BROKEN_OUT if case.number in ("H22", "H27")][::6]
    reached = break_out(cases, _BUDGET_MS / 1000, lambda case, ended: ends.append((case, ended)))
    assert [(case.name, why) for case, ended in ends if (why := case.why_not(ended))] == []
    assert len(ends) == len(cases) > 8
    assert set(reached) <= {"echo_time"}

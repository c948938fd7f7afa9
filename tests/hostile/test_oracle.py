"""The judges of `make hostile` see what is wrong: each is shown something that is."""

from dataclasses import replace

import pytest

from tests.hostile.canary import PLANTED
from tests.hostile.case import Case, Ended, fails, gives
from tests.hostile.corpus import BROKEN_OUT, QUICK, SCRIPTS
from tests.hostile.table import write_table
from tests.hostile.trials import LATE_MS, Trial

FAILING = fails("H1", "a loop", "for (;;);", "sandbox_timeout")
GIVING = gives("H20", "a look", "return []", [])
TIMEOUT = Ended(code="sandbox_timeout", took_ms=501.0)


@pytest.mark.parametrize(
    ("case", "ended", "expected"),
    [
        (FAILING, TIMEOUT, True),
        (FAILING, Ended(code="sandbox_crashed"), False),
        (FAILING, Ended(value=1), False),
        (FAILING, replace(TIMEOUT, took_ms=LATE_MS + 1), False),
        (GIVING, Ended(value=[]), True),
        (GIVING, Ended(value=["process"]), False),
        (GIVING, Ended(code="script_error"), False),
    ],
)
def test_a_case_is_as_expected_only_where_its_end_and_its_time_are(case: Case, ended: Ended, expected: bool) -> None:
    trial = Trial(case, ended, wrong=case.why_not(ended))
    assert trial.as_expected is expected
    assert ("**no**" in write_table([trial])) is not expected


def test_a_case_that_left_something_is_not_as_expected() -> None:
    assert not Trial(FAILING, TIMEOUT, left="another caller: left behind").as_expected


def test_every_case_has_a_name_of_its_own_and_a_number_that_the_page_explains() -> None:
    names = [f"{case.number} {case.name}" for case in (*SCRIPTS, *BROKEN_OUT)]
    assert len(set(names)) == len(names)
    assert {case.number for case in (*SCRIPTS, *BROKEN_OUT)} == {f"H{n}" for n in range(1, 29)}
    assert len(QUICK) == 15
    assert PLANTED.count("\n") == 0, "a script's lines keep their numbers"

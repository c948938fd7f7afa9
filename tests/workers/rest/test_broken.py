"""Every broken file is told what is wrong with it, at which line and column, and what to write instead."""

from pathlib import Path

import pytest

from tests.workers.rest import broken_auth, broken_blocks, broken_composites, broken_files, broken_tools
from tests.workers.rest.written import Case, told

CASES = (
    *broken_files.CASES,
    *broken_tools.CASES,
    *broken_blocks.CASES,
    *broken_auth.CASES,
    *broken_composites.CASES,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_broken_file_is_told_what_is_wrong_and_where(tmp_path: Path, case: Case) -> None:
    assert told(tmp_path, case.text) == list(case.told)


def test_no_case_is_told_nothing() -> None:
    assert [case.name for case in CASES if not case.told] == []
    assert len({case.name for case in CASES}) == len(CASES)

"""docs/doctor.md and the doctor agree: every check has its row, in the table of its group, and no row is of none."""

import re

from tests.source_tree import ROOT
from toolmesh.doctor import offline
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.persona import PERSONAS

PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)


def section(heading: str) -> str:
    """From a heading to the next one of its rank or above."""
    rank, _, _ = heading.partition(" ")
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{len(rank)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def test_every_check_has_a_row_in_the_table_of_its_group_and_no_other() -> None:
    wanted = {f"### {number} {group.noun}": set(group.checks) for number, group in enumerate(GROUPS, 1)}
    wanted["### offline"] = set(offline.CHECKS)
    found = {heading: {row[0] for row in ROW.findall(section(heading))} for heading in wanted}
    assert found == wanted
    assert len(ROW.findall(PAGE)) == sum(map(len, wanted.values())), "a row stands twice"


def test_every_row_says_what_to_do() -> None:
    assert [check for check, has_to_be, fix in ROW.findall(PAGE) if not has_to_be or not fix] == []


def test_symptoms_lead_to_checks_that_there_are() -> None:
    rows = [line for line in section("## Symptoms").splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`([a-z_]+\.[a-z_]+)`", row.rsplit(" | ", 1)[1])
        assert named, row
        assert set(named) <= CHECKS, row


def test_limits_and_clients_are_those_of_the_code() -> None:
    bounds = Bounds()
    said = section("## What it does to the server")
    assert f"{bounds.request_s:g} s and {bounds.body_bytes_max // 2**20} MiB for an answer" in said
    assert f"{bounds.requests_max} requests and {bounds.visit_s / 60:g} minutes" in said
    assert f"({bounds.slow_s / 60:g} with `--slow`" in said
    assert f"| `--as {'`, `'.join(PERSONAS)}` |" in section("## Options")

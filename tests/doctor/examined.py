"""The doctor in the test's own process, at a house that a test bends."""

import asyncio
import dataclasses
import json
import ssl
from dataclasses import dataclass
from typing import Any

from tests.doctor.bends import Bend
from tests.doctor.broken import BrokenHouse
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.examine import examine
from toolmesh.doctor.finding import Finding, Level
from toolmesh.doctor.group import Group
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.persona import PERSONAS, Persona
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit
from toolmesh.doctor.wanted import Wanted


@dataclass(frozen=True)
class Doctor:
    """Visits to one house."""

    broken: BrokenHouse
    trust: ssl.SSLContext
    document: str = ""
    """A metadata document that the house can fetch, in place of a vendor's."""

    def look(
        self,
        last: str,
        *bends: Bend,
        persona: str = "chatgpt",
        url: str | None = None,
        bounds: Bounds | None = None,
        local: bool = True,
        **wanted: Any,
    ) -> Report:
        """Look at the house, bent like that, as far as the group `last`."""
        with self.broken.front.bent(*bends):
            visit_to = url or self.broken.front.mcp_url
            asked = Wanted(local=local, **wanted)
            return asyncio.run(self._look(visit_to, self.persona(persona), asked, bounds, groups_to(last)))

    def persona(self, name: str) -> Persona:
        """A client, with a document that the house can fetch."""
        found = PERSONAS[name]
        return dataclasses.replace(found, document=self.document) if found.document else found

    async def _look(
        self, url: str, persona: Persona, wanted: Wanted, bounds: Bounds | None, groups: tuple[Group, ...]
    ) -> Report:
        report = Report(CHECKS)
        report.hide(wanted.token)
        async with Visit(url, persona, wanted, bounds=bounds, trust=self.trust) as visit:
            await examine(visit, report, groups)
        return report


def groups_to(last: str) -> tuple[Group, ...]:
    """The groups up to one."""
    found = next(number for number, group in enumerate(GROUPS) if group.noun == last)
    return GROUPS[: found + 1]


def only(report: Report, check: str) -> Finding:
    """The one thing that a check found."""
    found = report.of(check)
    assert len(found) == 1, shown(report)
    return found[0]


def assert_found(report: Report, check: str, level: Level, *words: str) -> None:
    """That a check found that, once, and says so in these words, with a way out where it is wrong."""
    found = [finding for finding in report.of(check) if finding.level is level]
    assert len(found) == 1, shown(report)
    said = f"{found[0].said} {found[0].fix}"
    assert [word for word in words if word not in said] == [], said
    assert bool(found[0].fix) is (level in (Level.WARN, Level.FAIL))


def levels(report: Report, level: Level) -> list[str]:
    """The checks that found that level."""
    return [finding.check for finding in report.findings if finding.level is level]


def shown(report: Report) -> str:
    """All of it, for a test that fails."""
    return "\n".join(json.dumps(dataclasses.asdict(finding), ensure_ascii=False) for finding in report.findings)

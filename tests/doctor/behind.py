"""The doctor behind the door of a house that a test bends: chosen groups only, for what lies before them is looked at by
other tests."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.doctor.bends import Bend
from tests.doctor.examined import Doctor
from tests.mesh import API_KEY
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.examine import examine
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit
from toolmesh.doctor.wanted import Wanted

DISCOVERY = ("challenge", "prm", "metadata")
"""Groups that a log-in needs before it."""


def look_behind(
    doctor: Doctor,
    nouns: tuple[str, ...],
    *bends: Bend,
    persona: str = "claude",
    token: str = API_KEY,
    bounds: Bounds | None = None,
    open_url: Callable[[str], None] | None = None,
    **wanted: Any,
) -> Report:
    """Look at these groups. `open_url`: logs in, and there is no other token then."""
    asked = Wanted(local=True, token="" if open_url is not None else token, log_in=open_url is not None, **wanted)
    groups = tuple(group for group in GROUPS if group.noun in nouns)
    assert len(groups) == len(nouns)

    async def look() -> Report:
        report = Report(CHECKS)
        report.hide(asked.token)
        async with Visit(
            doctor.broken.front.mcp_url,
            doctor.persona(persona),
            asked,
            bounds=bounds,
            trust=doctor.trust,
            open_url=open_url or (lambda url: None),
        ) as visit:
            await examine(visit, report, groups)
        return report

    with doctor.broken.front.bent(*bends):
        return asyncio.run(look())

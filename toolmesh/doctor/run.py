"""One run of the doctor: visits, or reads the configuration, and shows what it found."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from toolmesh.console import say
from toolmesh.doctor.browser import open_in_browser
from toolmesh.doctor.examine import examine
from toolmesh.doctor.group import Group
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.offline import look_offline
from toolmesh.doctor.persona import PERSONAS, Persona
from toolmesh.doctor.report import Report
from toolmesh.doctor.screen import say_finding, say_group, say_summary
from toolmesh.doctor.visit import Visit
from toolmesh.doctor.wanted import Wanted


def run_doctor(url: str, persona: str, wanted: Wanted, *, as_json: bool) -> int:
    """Visit a server; gives the exit code."""
    chosen = PERSONAS[persona]
    report = _begun(url, f"as {chosen.title} would come to it", as_json)
    report.hide(wanted.token)

    def begin(group: Group) -> None:
        if not as_json:
            say_group(GROUPS.index(group) + 1, group.title)

    async def visiting() -> None:
        async with Visit(url, chosen, wanted, open_url=open_in_browser) as visit:
            await examine(visit, report, GROUPS, begin)

    asyncio.run(visiting())
    return _ended(report, url, chosen, as_json)


def run_offline(url: str, persona: str, environment: Mapping[str, str], config: Path, *, as_json: bool) -> int:
    """Read the configuration; gives the exit code."""
    chosen = PERSONAS[persona]
    report = _begun(url, f"as {config} and the environment have it, for {chosen.title}", as_json)
    if not as_json:
        say_group(0, "The configuration")
    look_offline(url, chosen, environment, config, report)
    return _ended(report, url, chosen, as_json)


def _begun(url: str, how: str, as_json: bool) -> Report:
    if as_json:
        return Report(CHECKS)
    say(f"{url}, {how}")
    return Report(CHECKS, say_finding)


def _ended(report: Report, url: str, persona: Persona, as_json: bool) -> int:
    if as_json:
        say(msgspec.json.encode(report.as_json(**{"url": url, "as": persona.name})).decode())
    else:
        say_summary(report)
    return report.exit_code

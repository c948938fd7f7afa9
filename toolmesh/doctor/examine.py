"""Goes through the groups, one after the other; a group that can't be looked at does not end the others."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.group import Group
from toolmesh.doctor.report import Report
from toolmesh.doctor.revocation import end_log_in
from toolmesh.doctor.visit import Visit

_OURS = str(Path(__file__).parent)
_AGAIN = (
    "Look at the server's log of this moment, and at what stands between it and the internet; then run the doctor again."
)


async def examine(
    visit: Visit, report: Report, groups: Iterable[Group], begin: Callable[[Group], None] = lambda group: None
) -> None:
    """Look at everything. `begin`: told of each group before its first finding. Never raises for what the server does."""
    try:
        await _go_through(visit, report, groups, begin)
    finally:
        # Also when Ctrl-C ends it: nobody else knows the token.
        await end_log_in(visit)


async def _go_through(visit: Visit, report: Report, groups: Iterable[Group], begin: Callable[[Group], None]) -> None:
    bounds = visit.bounds
    end = asyncio.get_running_loop().time() + (bounds.slow_s if visit.wanted.slow else bounds.visit_s)
    for group in groups:
        begin(group)
        if visit.learned.stopped:
            report.skipped(group.answered, visit.learned.stopped)
            continue
        try:
            async with asyncio.timeout_at(end + visit.waited_s) as visit.timeout:
                await group.look(visit, report)
        except Unanswered as why:
            report.failed(group.answered, f"{why}. The rest of this group was not looked at.", _AGAIN)
        except TimeoutError:
            report.failed(group.answered, "The time for the whole visit is over.", _AGAIN)
        except Exception as surprise:
            # What a stranger sends must not end the visit, nor look as if nothing were wrong.
            report.failed(group.answered, f"The doctor could not make sense of an answer ({_of(surprise)}).", _AGAIN)


def _of(surprise: Exception) -> str:
    """What happened, and in which line of ours: what a bug report needs."""
    frames = traceback.extract_tb(surprise.__traceback__)
    where = next((f"{Path(each.filename).name}:{each.lineno}" for each in reversed(frames) if _OURS in each.filename), "")
    return f"{type(surprise).__name__}, {where}"

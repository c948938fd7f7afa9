"""13: whether the server's clock agrees with this machine's. Tokens and signatures are refused where clocks differ."""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.behind import listed_tools
from toolmesh.doctor.odd_requests import call
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import LEGACY, Visit

CHECKS = {
    "clock.proxy": "The Date header agrees with this machine's clock.",
    "clock.server": "So does the clock of the server behind it, where a tool tells it.",
}
ECHO_TIME = "echo_time"
"""Of ToolMesh's built-in backend: reads the clock of a worker."""
_WARN_S = 30.0
_FAIL_S = 300.0
_FIX = "Let a time service keep both clocks (timedatectl, chrony), then run the doctor again; one of the two is wrong."


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    sent_s = time.time()
    answer = await visit.request("GET", visit.url, headers={"Accept": "application/json"})
    said = _date(answer.headers.get("date", ""))
    if said is None:
        report.skipped("clock.proxy", "No answer has a Date header.")
    else:
        _judge(report, "clock.proxy", said - (sent_s + time.time()) / 2, "The Date header")
    await _look_at_server(visit, report)


async def _look_at_server(visit: Visit, report: Report) -> None:
    if not any(tool.get("name") == ECHO_TIME for tool in listed_tools(visit)):
        report.skipped("clock.server", "No tool that the doctor knows tells the time there.")
        return
    sent_s = time.time()
    answer = await call(visit, ECHO_TIME, {}, LEGACY)
    said = _told(answer)
    if said is None:
        report.skipped("clock.server", f"The tool {ECHO_TIME} did not tell the time.")
    else:
        _judge(report, "clock.server", said - (sent_s + time.time()) / 2, "The server's clock")


def _judge(report: Report, check: str, ahead_s: float, what: str) -> None:
    away = abs(ahead_s)
    said = f"{what} is {away:.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    if away > _FAIL_S:
        report.failed(check, f"{said}: tokens that are signed on one side are not valid yet, or over, on the other.", _FIX)
    elif away > _WARN_S:
        report.warned(check, f"{said}: signed tokens may be refused, now and then.", _FIX)
    else:
        report.passed(check, f"{what} agrees with this machine's.")


def _date(text: str) -> float | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _told(answer: Answer) -> float | None:
    """Out of the first text of a result, as RFC 3339."""
    result = (answer.message() or {}).get("result")
    content = result.get("content") if isinstance(result, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None

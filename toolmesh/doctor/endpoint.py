"""9: how the endpoint answers who may come in: introductions, lists, odd requests (MCP, transports)."""

from toolmesh.doctor import introductions, listings, odd_requests
from toolmesh.doctor.answer import Answer
from toolmesh.doctor.behind import SHUT, credential, is_open
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import LEGACY, MODERN, Visit

CHECKS = {
    "mcp.let_in": "The credential is let in.",
    **introductions.CHECKS,
    **listings.CHECKS,
    **odd_requests.CHECKS,
}


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    await odd_requests.check_wrong_token(visit, report)
    if not is_open(visit, report, "mcp.answered"):
        return
    rpc_id = introductions.discover_id(visit)
    answer = await visit.rpc("server/discover", rpc_id=rpc_id, token=credential(visit))
    if not _check_let_in(visit, report, answer):
        visit.learned.notes[SHUT] = True
        return
    await introductions.check_discover(visit, report, answer, rpc_id)
    modern = _speaks_modern(answer, rpc_id)
    await introductions.check_headerless(visit, report)
    session_id = await introductions.check_initialize(visit, report)
    if session_id is not None:
        await introductions.check_notification(visit, report, session_id)
    await listings.check_lists(visit, report, modern=modern, session_id=session_id)
    era = MODERN if modern else LEGACY
    visit.learned.notes["mcp.era"] = era
    await odd_requests.check_odd_bodies(visit, report)
    await odd_requests.check_unknown_tool(visit, report, era)
    await odd_requests.check_large_body(visit, report, era)
    await odd_requests.check_get(visit, report)
    await odd_requests.check_origin(visit, report, era)
    await odd_requests.check_host(visit, report, era)


def _speaks_modern(answer: Answer, rpc_id: str) -> bool:
    result = (answer.message(rpc_id) or {}).get("result")
    versions = result.get("supportedVersions") if isinstance(result, dict) else None
    return isinstance(versions, list) and MODERN in versions


def _check_let_in(visit: Visit, report: Report, answer: Answer) -> bool:
    if answer.status not in (401, 403, 421):
        if visit.token:
            report.passed("mcp.let_in", "The credential is let in.")
        return True
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status != 401:
        known = diagnosis_of(answer, visit.host)
        report.failed("mcp.let_in", f"With the credential: {known.said}.", known.fix)
    elif visit.token and "invalid_token" not in challenge:
        said = f"With the credential: {answer.summary}, as if none had been sent ({quoted(challenge)})."
        report.failed("mcp.let_in", said, _STRIPPED)
    else:
        report.failed("mcp.let_in", f"With the credential: {answer.summary}, {quoted(challenge)}.", _REFUSED)
    return False


_STRIPPED = (
    "Have the proxy pass the Authorization header on, and let nothing redirect: a redirect to another host or scheme drops "
    "it."
)
_REFUSED = (
    "Run it with --login for a fresh token. If that is refused too: the token's audience must be the URL exactly (no slash "
    "too many, `/mcp` included), and the clocks of both servers must agree."
)

"""2: whether a client without a token is told to log in, and where (RFC 9728 section 5.1; MCP, authorization)."""

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.challenges import Challenge, challenges
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import EVENTS, LEGACY, Visit

CHECKS = {
    "challenge.discover": "`server/discover` without a token is answered 401 with a challenge.",
    "challenge.initialize": "`initialize` without a token likewise.",
    "challenge.get": "GET of an event stream without a token likewise.",
    "challenge.origin": "The challenge's `resource_metadata` is a URL of the same origin.",
    "challenge.open": "It asks for a log-in at all.",
}
_HEADER = (
    'Answer 401 with `WWW-Authenticate: Bearer resource_metadata="…"`. ToolMesh does: see that no proxy takes the header '
    "away (nginx: `proxy_hide_header`, `error_page 401`), or answers 401 in its place."
)


async def look(visit: Visit, report: Report) -> None:
    """Look at it, in the order in which a client does."""
    discover = await visit.rpc("server/discover", {}, rpc_id=visit.persona.discover_id)
    initialize = await visit.rpc("initialize", visit.initialize(), era=LEGACY, rpc_id=0)
    if _is_open(initialize) or _is_open(discover):
        _report_open(visit, report)
        return
    report.passed("challenge.open", "It lets nobody in without a credential.")
    standing = await visit.request("GET", visit.url, headers={"Accept": EVENTS})
    found: list[Challenge] = []
    for check, answer in (
        ("challenge.discover", discover),
        ("challenge.initialize", initialize),
        ("challenge.get", standing),
    ):
        challenge = _checked(visit, report, check, answer)
        found += [challenge] if challenge is not None else []
    if found:
        visit.learned.challenge = found[0].parameters
        _check_origin(visit, report, found)
    else:
        report.skipped("challenge.origin", "There is no challenge to look at.")


def _is_open(answer: Answer) -> bool:
    return answer.status == 200 and "result" in (answer.message() or {})


def _report_open(visit: Visit, report: Report) -> None:
    visit.learned.open_door = True
    report.warned(
        "challenge.open",
        "It answers without a credential: whoever knows the URL gets in, as far as its tools let them.",
        "If that is meant, choose “No authentication” in the client. If not: TOOLMESH_AUTH=none is set, or a proxy adds a "
        "credential of its own to every request.",
    )
    report.skipped("challenge.answered", "There are no challenges to look at: it asks for no log-in.")


def _checked(visit: Visit, report: Report, check: str, answer: Answer) -> Challenge | None:
    """The challenge of an answer, reported."""
    header = answer.headers.get("www-authenticate", "")
    found = challenges(header)
    bearer = next((each for each in found or () if each.scheme == "bearer"), None)
    if answer.status != 401 or (found and bearer is None):
        known = diagnosis_of(answer, visit.host)
        report.failed(check, f"{known.said}. It should be 401 with a Bearer challenge.", known.fix)
    elif not header:
        report.failed(check, f"{answer.summary} without WWW-Authenticate: no client learns where to log in.", _HEADER)
    elif bearer is None:
        report.failed(check, f"{answer.summary}, and WWW-Authenticate can't be read: {quoted(header)}.", _HEADER)
    elif "resource_metadata" not in bearer.parameters:
        report.failed(check, f"{answer.summary}, and the challenge {quoted(header)} has no resource_metadata.", _HEADER)
    else:
        report.passed(check, "401, with a challenge.")
        return bearer
    return None


def _check_origin(visit: Visit, report: Report, found: list[Challenge]) -> None:
    urls = list(dict.fromkeys(each.parameters["resource_metadata"] for each in found))
    foreign = [url for url in urls if origin_of(url) != origin_of(visit.url)]
    if foreign:
        report.failed(
            "challenge.origin",
            f"resource_metadata is {quoted(foreign[0])}, which is not of {visit.origin}: clients refuse it.",
            f"Set TOOLMESH_ISSUER to {visit.origin}, without a slash at the end; the server says what it was told, "
            "whatever the proxy's name is.",
        )
    elif len(urls) > 1:
        report.warned(
            "challenge.origin",
            f"The challenges name different documents: {', '.join(quoted(url) for url in urls)}.",
            "See that all replicas of the server have the same configuration.",
        )
    else:
        report.passed("challenge.origin", f"The challenge names {quoted(urls[0])}.")

"""9, second part: the list of tools, page by page, in both eras."""

from dataclasses import dataclass, field
from typing import Any

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.behind import TOOLS, credential
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.introductions import METHOD_NOT_FOUND
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import EVENTS, LEGACY, MODERN, Visit

CHECKS = {
    "mcp.list": "`tools/list` gives tools, page by page, until there is no further cursor.",
    "mcp.list_json": "It is answered as JSON, not as an event stream.",
    "mcp.list_legacy": "A client of the 2025 era is shown the same tools.",
}
_PAGES_MAX = 50
_TOOLS_MAX = 5_000


class BadListing(Exception):
    """There is no list, or none that ends. The text says why."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


@dataclass(slots=True)
class Listing:
    """All pages."""

    tools: list[dict[str, Any]] = field(default_factory=list)
    pages: int = 0
    as_stream: bool = False

    @property
    def names(self) -> list[str]:
        return [str(tool.get("name")) for tool in self.tools]


async def check_lists(visit: Visit, report: Report, *, modern: bool, session_id: str | None) -> None:
    """`modern`: whether 2026-07-28 is spoken; `session_id`: of the older era, None where that is not spoken. What is found
    is noted for the checks of the tools."""
    listing = None
    try:
        listing = await list_tools(visit, MODERN if modern else LEGACY, "" if modern else session_id or "")
    except BadListing as bad:
        report.failed("mcp.list", f"{bad} A connector without tools is what comes of it.", bad.fix)
    if listing is not None:
        visit.learned.notes[TOOLS] = listing.tools
        _check_list(visit, report, listing)
    if not modern or session_id is None or listing is None:
        report.skipped("mcp.list_legacy", "Not compared: there is only one list.")
        return
    try:
        older = await list_tools(visit, LEGACY, session_id)
    except BadListing as bad:
        report.failed("mcp.list_legacy", f"In the 2025 era: {bad}", bad.fix)
        return
    _compare(report, listing, older)


def _check_list(visit: Visit, report: Report, listing: Listing) -> None:
    if listing.tools:
        report.passed("mcp.list", f"{len(listing.tools)} tools on {listing.pages} page{'s'[: listing.pages > 1]}.")
    else:
        report.warned(
            "mcp.list",
            "There is no tool for this credential.",
            "See which tools its user may use (docs/authorization.md), and whether the backends are connected.",
        )
    if not listing.as_stream:
        report.passed("mcp.list_json", "`tools/list` is answered as JSON.")
        return
    said = "`tools/list` was answered as an event stream"
    fix = "Answer everything but calls as `application/json` (SDKs: `json_response=True`)."
    # ChatGPT is known to have refused `server/discover` like that, not a list.
    report.warned("mcp.list_json", f"{said}: it works, and some clients and proxies make trouble.", fix)


def _compare(report: Report, listing: Listing, older: Listing) -> None:
    new, old = set(listing.names), set(older.names)
    if new == old:
        report.passed("mcp.list_legacy", "A client of the 2025 era is shown the same tools.")
        return
    some = ", ".join(quoted(name) for name in sorted(new ^ old)[:5])
    report.warned(
        "mcp.list_legacy",
        f"{len(new)} tools in 2026-07-28 and {len(old)} in 2025-11-25; only in one of them: {some}.",
        "Offer the same tools in both: which era a client speaks may change from one day to the next.",
    )


async def list_tools(visit: Visit, era: str, session_id: str = "") -> Listing:
    """All pages. Raises BadListing, Unanswered."""
    found, cursor = Listing(), None
    headers = {"Mcp-Session-Id": session_id or None}
    while True:
        rpc_id = f"toolmesh-doctor-list-{found.pages}"
        params: dict[str, Any] | None = {"cursor": cursor} if cursor is not None else ({} if era == MODERN else None)
        answer = await visit.rpc("tools/list", params, era=era, rpc_id=rpc_id, token=credential(visit), headers=headers)
        result = _result_of(answer, rpc_id, visit.host)
        found.pages += 1
        found.as_stream = found.as_stream or answer.media_type == EVENTS
        found.tools += [tool for tool in result["tools"] if isinstance(tool, dict)]
        if len(found.tools) > _TOOLS_MAX or found.pages > _PAGES_MAX:
            raise BadListing(
                f"The list does not end after {found.pages} pages and {len(found.tools)} tools.",
                "End it: leave nextCursor out on the last page, and let a cursor lead on.",
            )
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str):
            return found


def _result_of(answer: Answer, rpc_id: str, host: str) -> dict[str, Any]:
    message = answer.message(rpc_id)
    if answer.cut:
        raise BadListing(f"One page of `tools/list` has more than {len(answer.body)} bytes.", "Make pages smaller.")
    if message is None:
        known = diagnosis_of(answer, host)
        raise BadListing(f"`tools/list` has no JSON-RPC answer. {known.said}.", known.fix)
    result, error = message.get("result"), message.get("error")
    if isinstance(result, dict) and isinstance(result.get("tools"), list):
        return result
    if isinstance(error, dict):
        what = "is not known there (-32601)" if error.get("code") == METHOD_NOT_FOUND else f"failed: {quoted(error)}"
        raise BadListing(f"`tools/list` {what}.", "See the server's log of this moment; the list must not need a session.")
    raise BadListing(f"{answer.summary}, without `result.tools`.", "Answer `tools/list` with `tools`, an array.")

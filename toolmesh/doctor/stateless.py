"""11: whether any process of the server answers any request: ChatGPT keeps no session, and calls without a greeting."""

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.behind import credential, is_open
from toolmesh.doctor.odd_requests import NO_SUCH_TOOL, call, is_answer_of_a_call
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import LEGACY, Visit

CHECKS = {
    "stateless.lists": "The same token is good on connection after connection, without a session.",
    "stateless.call": "`tools/call` of the 2025 era is taken without `initialize` and without a session.",
    "stateless.session": "A session of one connection is known on the next ones.",
}
_TIMES = 6
_SHARED = (
    "Keep what belongs to a session where each process finds it, or keep nothing (SDKs: `stateless_http=True`). Balancing "
    "by cookie or address does not help: ChatGPT comes from many addresses and keeps no cookies."
)


async def look(visit: Visit, report: Report) -> None:
    """Look at it, each request over a connection of its own."""
    if not is_open(visit, report, "stateless.answered"):
        return
    await _check_lists(visit, report)
    await _check_call(visit, report)
    await _check_session(visit, report)


async def _check_lists(visit: Visit, report: Report) -> None:
    refused, lists = [], set()
    for _ in range(_TIMES):
        answer = await _list(visit)
        names = _names(answer)
        if names is None:
            refused.append(answer.summary)
        else:
            lists.add(names)
    if refused:
        report.failed(
            "stateless.lists",
            f"{len(refused)} of {_TIMES} requests with the same token, each on a new connection, failed: {refused[0]}.",
            _SHARED,
        )
    elif len(lists) > 1:
        report.warned(
            "stateless.lists",
            f"{_TIMES} requests got {len(lists)} different lists of tools: the processes of the server do not agree.",
            "Run the same release and configuration everywhere; see whether one process has lost a backend.",
        )
    else:
        report.passed("stateless.lists", f"{_TIMES} requests on new connections were answered alike.")


async def _list(visit: Visit, **headers: str) -> Answer:
    async with visit.apart():
        return await visit.rpc(
            "tools/list", era=LEGACY, rpc_id="toolmesh-doctor-again", token=credential(visit), headers=headers
        )


def _names(answer: Answer) -> tuple[str, ...] | None:
    result = (answer.message() or {}).get("result")
    tools = result.get("tools") if isinstance(result, dict) else None
    if not isinstance(tools, list):
        return None
    return tuple(str(tool.get("name")) for tool in tools if isinstance(tool, dict))


async def _check_call(visit: Visit, report: Report) -> None:
    async with visit.apart():
        answer = await call(visit, NO_SUCH_TOOL, {}, LEGACY)
    if is_answer_of_a_call(answer) and answer.status == 200:
        report.passed("stateless.call", "A call without a greeting is looked at like any other.")
        return
    error = (answer.message() or {}).get("error")
    said = quoted(error.get("message")) if isinstance(error, dict) else answer.media_type
    report.failed(
        "stateless.call",
        f"`tools/call` without `initialize` and session is answered {answer.status} ({said}): that is how ChatGPT calls.",
        _SHARED,
    )


async def _check_session(visit: Visit, report: Report) -> None:
    async with visit.apart():
        began = await visit.rpc(
            "initialize", visit.initialize(), era=LEGACY, rpc_id="toolmesh-doctor-hello", token=credential(visit)
        )
    session_id = began.headers.get("mcp-session-id", "")
    if not session_id:
        report.passed("stateless.session", "There are no sessions.")
        return
    report.hide(session_id)
    lost = 0
    for _ in range(_TIMES):
        answer = await _list(visit, **{"Mcp-Session-Id": session_id})
        lost += _names(answer) is None
    await _end(visit, session_id)
    if lost:
        report.failed(
            "stateless.session",
            f"{lost} of {_TIMES} requests did not find the session that another connection began: it lives in one process.",
            _SHARED,
        )
    else:
        report.passed("stateless.session", "A session is known on other connections.")


async def _end(visit: Visit, session_id: str) -> None:
    """Leave nothing behind, where the server has a way to do so."""
    headers = visit.rpc_headers("", era=LEGACY, token=credential(visit), changes={"Mcp-Session-Id": session_id})
    try:
        await visit.request("DELETE", visit.url, None, headers)
    except Unanswered:
        return

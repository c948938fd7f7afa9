"""9, first part: the server introduces itself, in both eras: `server/discover` (2026-07-28), `initialize` (2025-11-25)."""

from typing import Any

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.behind import credential, is_openai
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.finding import Level
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import EVENTS, LEGACY, MODERN, Visit

CHECKS = {
    "mcp.discover": "`server/discover` has 2026-07-28 among its versions; or is not known (-32601), so that clients go on.",
    "mcp.discover_json": "It is answered as JSON, not as an event stream.",
    "mcp.id": "The id of a request comes back as it was sent, a string too.",
    "mcp.headerless": "The same without MCP headers leads on as well: ChatGPT does not always send them.",
    "mcp.initialize": "`initialize` of 2025-11-25, to which clients fall back, gives a version and the tools capability.",
    "mcp.notification": "A notification is answered 202, without a body.",
}
METHOD_NOT_FOUND = -32601
_STRING_ID = "toolmesh-doctor"
_MCP_HEADERS = {"MCP-Protocol-Version": None, "Mcp-Method": None}
_CLEAN = "Answer the method with a result, or with the JSON-RPC error -32601, which sends the client on to `initialize`."
_JSON = "Answer everything but calls as `application/json` (SDKs: `json_response=True`), and let no proxy rewrite the type."


async def check_discover(visit: Visit, report: Report, answer: Answer, rpc_id: str | int) -> None:
    """`answer`: to `server/discover`, sent with this id."""
    level, said, fix = judged(visit, answer, rpc_id)
    report.add("mcp.discover", level, said, fix)
    if answer.media_type == EVENTS:
        said = "`server/discover` was answered as an event stream"
        if is_openai(visit):
            report.failed("mcp.discover_json", f"{said}: ChatGPT has refused that as inconsistent.", _JSON)
        else:
            report.warned("mcp.discover_json", f"{said}, which ChatGPT has refused.", _JSON)
    elif level is not Level.FAIL:
        report.passed("mcp.discover_json", "`server/discover` is answered as JSON.")
    _check_id(report, answer, rpc_id)


def judged(visit: Visit, answer: Answer, rpc_id: str | int) -> tuple[Level, str, str]:
    """What an answer to `server/discover` does to the client: level, what was seen, what to do."""
    message = answer.message(rpc_id)
    stops = f"{visit.persona.title} stops there."
    if message is None or message.get("jsonrpc") != "2.0":
        known = diagnosis_of(answer, visit.host)
        return Level.FAIL, f"`server/discover` has no JSON-RPC answer. {known.said}. {stops}", f"{known.fix} {_CLEAN}"
    error = message.get("error")
    if isinstance(error, dict):
        return _judged_error(visit, answer, error)
    result = message.get("result")
    versions = result.get("supportedVersions") if isinstance(result, dict) else None
    if not isinstance(versions, list) or not versions:
        return Level.FAIL, f"`server/discover` gave a result without supportedVersions: {stops}", _CLEAN
    shown = quoted(", ".join(str(each) for each in versions[:10]))
    if MODERN not in versions:
        level = Level.FAIL if is_openai(visit) else Level.WARN
        said = f"`server/discover` succeeds, but with older versions only ({shown}): ChatGPT stalls there."
        return level, said, f"Have {MODERN} in supportedVersions, or answer the method with -32601."
    return Level.PASS, f"It speaks {shown}.", ""


def _judged_error(visit: Visit, answer: Answer, error: dict[str, Any]) -> tuple[Level, str, str]:
    code = error.get("code")
    if code == METHOD_NOT_FOUND and answer.status in (200, 404):
        said = f"It does not know `server/discover` (-32601): {visit.persona.title} falls back to `initialize`."
        return Level.PASS, said, ""
    level = Level.FAIL if is_openai(visit) else Level.WARN
    said = f"`server/discover` was answered {answer.status} with the error {quoted(code)}, {quoted(error.get('message'))}: "
    return level, f"{said}a client may stop there instead of falling back to `initialize`.", _CLEAN


def _check_id(report: Report, answer: Answer, rpc_id: str | int) -> None:
    message = answer.message(rpc_id)
    if message is None:
        return
    got = message.get("id")
    if got == rpc_id and type(got) is type(rpc_id):
        report.passed("mcp.id", f"The id {quoted(rpc_id)} came back.")
        return
    report.failed(
        "mcp.id",
        f"The id {quoted(rpc_id)} came back as {quoted(got)}: the client takes the answer for somebody else's.",
        "Give back the id of the request as it is; it may be a string or an integer (JSON-RPC 2.0, section 5).",
    )


def discover_id(visit: Visit) -> str:
    """The id of our `server/discover`: the client's own where that is a string, which is what servers get wrong."""
    wanted = visit.persona.discover_id
    return wanted if isinstance(wanted, str) else _STRING_ID


async def check_headerless(visit: Visit, report: Report) -> None:
    """Envelope without headers: refused by the letter, sent all the same."""
    rpc_id = discover_id(visit)
    answer = await visit.rpc("server/discover", rpc_id=rpc_id, token=credential(visit), headers=_MCP_HEADERS)
    level, said, fix = judged(visit, answer, rpc_id)
    message = answer.message(rpc_id)
    refused = message is not None and isinstance(message.get("error"), dict) and answer.status == 400
    if refused and not is_openai(visit):
        report.passed("mcp.headerless", "Without MCP headers it is refused with 400, as the specification says.")
    elif level is Level.PASS:
        report.passed("mcp.headerless", f"Without MCP headers: {said}")
    else:
        report.add("mcp.headerless", level, f"Without MCP headers: {said}", _LENIENT if refused else fix)


_LENIENT = (
    "Fill in absent `MCP-Protocol-Version` and `Mcp-Method` from the body (ToolMesh does it for clients called openai-mcp) "
    "or answer -32601. If a proxy drops the headers, let them through."
)


async def check_initialize(visit: Visit, report: Report) -> str | None:
    """The older era. Gives the session's id, which may be empty; None where it is not spoken."""
    rpc_id = "toolmesh-doctor-initialize"
    params = visit.initialize()
    answer = await visit.rpc("initialize", params, era=LEGACY, rpc_id=rpc_id, token=credential(visit))
    message = answer.message(rpc_id) or {}
    result = message.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("protocolVersion"), str):
        error = message.get("error")
        detail = f" with {quoted(error.get('message'))}" if isinstance(error, dict) else ""
        report.failed(
            "mcp.initialize",
            f"{answer.summary}{detail}: clients that don't speak 2026-07-28 yet, or fall back, stop there.",
            f"Answer `initialize` with the version that was asked for ({LEGACY}), without asking for MCP headers.",
        )
        return None
    version, capabilities = result["protocolVersion"], result.get("capabilities")
    if not isinstance(capabilities, dict) or "tools" not in capabilities:
        report.failed(
            "mcp.initialize",
            f"`initialize` gives {quoted(version)}, and no `tools` in its capabilities: clients do not ask for tools then.",
            "Declare the `tools` capability.",
        )
    else:
        report.passed("mcp.initialize", f"`initialize` gives {quoted(version)}.")
    return answer.headers.get("mcp-session-id", "")


async def check_notification(visit: Visit, report: Report, session_id: str) -> None:
    """`notifications/initialized`."""
    headers = {"Mcp-Session-Id": session_id or None}
    try:
        answer = await visit.rpc(
            "notifications/initialized", era=LEGACY, rpc_id=None, token=credential(visit), headers=headers
        )
    except Unanswered as why:
        report.failed("mcp.notification", f"{why}: the client waits, or gives up.", "Answer notifications with 202.")
        return
    if answer.status == 202 and not answer.body.strip():
        report.passed("mcp.notification", "A notification is answered 202.")
    elif 200 <= answer.status < 300:
        report.warned(
            "mcp.notification",
            f"`notifications/initialized` was answered {answer.status} with {len(answer.body)} bytes, not 202 without a "
            "body.",
            "Answer notifications with 202 and no body (MCP, transports).",
        )
    else:
        report.failed(
            "mcp.notification",
            f"`notifications/initialized`: {answer.summary}. Clients of the 2025 era stop there.",
            "Answer notifications with 202 and no body, also without a session.",
        )

"""9, third part: requests that nobody would write, and that clients, browsers and proxies send all the same."""

import secrets

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.behind import credential
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import EVENTS, LEGACY, MODERN, Visit

CHECKS = {
    "mcp.odd_body": "An empty body, `{}`, `[]` and a batch are answered with 2xx, or with JSON and 4xx.",
    "mcp.unknown_tool": "A call of a tool that is not there is an error in JSON-RPC or in the result, never 5xx.",
    "mcp.large_body": "A body of nearly 4 MiB gets in, or is refused with 413 and JSON.",
    "mcp.get": "GET with a credential is a stream that opens, or a clean 4xx.",
    "mcp.wrong_token": 'A token that nobody knows is 401 with `error="invalid_token"`.',
    "mcp.origin": "A foreign web page (Origin) is refused.",
    "mcp.host": "A foreign Host is refused.",
}
NO_SUCH_TOOL = "toolmesh_doctor_no_such_tool"
_BODIES = {
    "an empty body": b"",
    "{}": b"{}",
    "[]": b"[]",
    "a batch": b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
}
_UPLOAD_S = 60.0
_FOREIGN = "doctor.invalid"
"""A host that never is (RFC 6761 section 6.4)."""


async def check_odd_bodies(visit: Visit, report: Report) -> None:
    """What ChatGPT has been seen to send before the first real message."""
    broken, unclear = [], []
    headers = visit.rpc_headers("", era=LEGACY, token=credential(visit))
    for name, body in _BODIES.items():
        try:
            answer = await visit.post_mcp(body, headers)
        except Unanswered as why:
            broken.append(f"{name}: {why}")
            continue
        if answer.status >= 500 or 300 <= answer.status < 400:
            broken.append(f"{name}: {answer.status}")
        elif answer.status >= 400 and answer.document() is None:
            unclear.append(f"{name}: {answer.status} ({answer.media_type or 'without a type'})")
    fix = "Answer what is no JSON-RPC request with 400 and a JSON-RPC error."
    if broken:
        report.failed("mcp.odd_body", f"It does not bear {'; '.join(broken)}. ChatGPT may probe with it.", fix)
    elif unclear:
        report.warned("mcp.odd_body", f"Refused, and not in JSON: {'; '.join(unclear)}.", fix)
    else:
        report.passed("mcp.odd_body", "An empty body, {}, [] and a batch are answered properly.")


async def check_unknown_tool(visit: Visit, report: Report, era: str) -> None:
    """It does nothing wherever it gets, so it may be sent to anybody."""
    answer = await call(visit, NO_SUCH_TOOL, {}, era)
    if is_answer_of_a_call(answer):
        report.passed("mcp.unknown_tool", "A tool that is not there is an error like others.")
        return
    report.failed(
        "mcp.unknown_tool",
        f"A call of a tool that is not there: {answer.summary}. The client takes the server for broken.",
        "Answer an unknown tool with HTTP 200 and the JSON-RPC error -32602, or a result with `isError`.",
    )


def is_answer_of_a_call(answer: Answer) -> bool:
    """Whether a call got as far as to be answered: with a result, or with an error that is about it."""
    message = answer.message()
    if message is None or answer.status >= 500 or answer.status in (401, 403):
        return False
    return isinstance(message.get("result"), dict) or (
        isinstance(message.get("error"), dict) and message.get("id") is not None and answer.status != 404
    )


async def call(visit: Visit, name: str, arguments: dict[str, object], era: str, **headers: str) -> Answer:
    """`tools/call` with no session and nothing before it, as ChatGPT sends it. Raises Unanswered."""
    params = {"name": name, "arguments": arguments}
    return await visit.rpc(
        "tools/call", params, era=era, rpc_id=f"toolmesh-doctor-{name}", token=credential(visit), headers=headers
    )


async def check_large_body(visit: Visit, report: Report, era: str) -> None:
    """What a proxy in front bears."""
    params = {"_meta": {"toolmesh/doctor": "x" * visit.bounds.large_body_bytes}}
    fix = "Let bodies of 4 MiB through: nginx `client_max_body_size 5m;`. Caddy needs no setting."
    try:
        answer = await visit.rpc(
            "tools/list", params, era=era, rpc_id="toolmesh-doctor-large", token=credential(visit), timeout_s=_UPLOAD_S
        )
    except Unanswered as why:
        report.warned("mcp.large_body", f"With nearly 4 MiB: {why}. Calls with large arguments fail.", fix)
        return
    if answer.message() is not None and answer.status < 500:
        taken = "gets in" if answer.status == 200 else f"is refused with {answer.status}, in JSON"
        report.passed("mcp.large_body", f"A body of nearly 4 MiB {taken}.")
    else:
        report.warned("mcp.large_body", f"With nearly 4 MiB: {answer.summary}. Calls with large arguments fail.", fix)


async def check_get(visit: Visit, report: Report) -> None:
    """What ChatGPT sends as its last resort, and has been seen to send after hours of silence."""
    headers = {"Accept": EVENTS, **({"Authorization": f"Bearer {visit.token}"} if visit.token else {})}
    fix = "Answer GET with 405, or with an event stream whose headers come at once."
    try:
        answer = await visit.request("GET", visit.url, headers=headers)
    except Unanswered as why:
        report.warned("mcp.get", f"{why}: a client that looks for a stream waits in vain.", fix)
        return
    if answer.status == 200 and answer.media_type == EVENTS:
        report.passed("mcp.get", "GET opens a stream.")
    elif answer.status in (400, 404, 405, 406) and not answer.is_page:
        report.passed("mcp.get", f"GET is answered {answer.status}.")
    elif answer.status >= 500:
        report.failed("mcp.get", f"{answer.summary}: clients that probe for a stream give up.", fix)
    else:
        report.warned("mcp.get", f"{answer.summary}, which is neither a stream nor a clean refusal.", fix)


async def check_wrong_token(visit: Visit, report: Report) -> None:
    """Asked with no credential of anybody's."""
    wrong = f"toolmesh-doctor-{secrets.token_urlsafe(24)}"
    answer = await visit.rpc("tools/list", {}, rpc_id="toolmesh-doctor-wrong", token=wrong)
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status == 401 and "invalid_token" in challenge:
        report.passed("mcp.wrong_token", "A token that nobody knows is refused with 401, and said to be invalid.")
    elif answer.status == 401:
        report.warned(
            "mcp.wrong_token",
            f"A token that nobody knows is refused with 401, and {quoted(challenge)} does not say that it is invalid.",
            'Send `WWW-Authenticate: Bearer error="invalid_token", resource_metadata="…"` with it (RFC 6750 section 3.1).',
        )
    elif visit.learned.open_door and answer.status < 500:
        # Whatever else is wrong with the request: nobody looks at its token.
        report.passed("mcp.wrong_token", "Nobody is asked for a token here.")
    elif 200 <= answer.status < 300:
        what = "is let in" if isinstance((answer.message() or {}).get("result"), dict) else "is answered with 200"
        report.failed(
            "mcp.wrong_token",
            f"A token that nobody knows {what}: anybody may come in, or clients never learn that theirs has expired.",
            "Refuse unknown and expired tokens with HTTP 401 and a WWW-Authenticate header, never within a 200.",
        )
    else:
        report.failed(
            "mcp.wrong_token",
            f"With a token that nobody knows: {answer.summary}. Clients renew their token on 401 alone.",
            "Refuse unknown and expired tokens with HTTP 401. If a proxy or firewall answers, let /mcp pass.",
        )


async def check_origin(visit: Visit, report: Report, era: str) -> None:
    """Against DNS rebinding (MCP, transports, security warning)."""
    answer = await _list_with(visit, era, Origin=f"https://{_FOREIGN}")
    if not 200 <= answer.status < 300:
        report.passed("mcp.origin", f"A page of another site is refused ({answer.status}).")
        return
    report.warned(
        "mcp.origin",
        f"A request with the Origin of another site is answered {answer.status}.",
        "Answer an unexpected Origin with 403 (MCP, transports): a web page could use a server of its visitor's.",
    )


async def check_host(visit: Visit, report: Report, era: str) -> None:
    """The same, for what can be reached by another name."""
    try:
        answer = await _list_with(visit, era, Host=_FOREIGN)
    except Unanswered:
        report.passed("mcp.host", "A foreign Host gets no answer.")
        return
    if not 200 <= answer.status < 300:
        report.passed("mcp.host", f"A foreign Host is refused ({answer.status}).")
        return
    report.warned(
        "mcp.host",
        f"A request that names another Host is answered {answer.status}: DNS rebinding lets a web page in.",
        "Answer to your own hosts only (ToolMesh: TOOLMESH_ISSUER and TOOLMESH_ALLOWED_HOSTS), here or in the proxy.",
    )


async def _list_with(visit: Visit, era: str, **headers: str) -> Answer:
    params: dict[str, object] | None = {} if era == MODERN else None
    rpc_id = "toolmesh-doctor-foreign"
    return await visit.rpc("tools/list", params, era=era, rpc_id=rpc_id, token=credential(visit), headers=headers)

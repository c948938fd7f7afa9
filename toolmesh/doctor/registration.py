"""5: whether clients can register, in a dry run (RFC 7591): what ChatGPT, Claude and programs on a person's machine would
send. `leaving` takes these clients away again."""

from collections.abc import Mapping
from typing import Any

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.discovery import texts
from toolmesh.doctor.learned import Client
from toolmesh.doctor.persona import LOOPBACK_REDIRECT, PERSONAS
from toolmesh.doctor.report import Report
from toolmesh.doctor.server_document import METHODS, takes_documents
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.timing import check_time
from toolmesh.doctor.visit import Visit

CHECKS = {
    "registration.open": "Clients can register.",
    "registration.chatgpt": "ChatGPT can, with both of its redirect URIs.",
    "registration.claude": "Claude can.",
    "registration.loopback": "A program on a person's machine can, which is answered at a port of 127.0.0.1.",
    "registration.time": "It is answered in time.",
}
CLIENT_NAME = "ToolMesh doctor"
"""As what it registers: whoever finds it in a list knows where it comes from."""
_OF_PERSONA = {"chatgpt": "registration.chatgpt", "claude": "registration.claude"}
"""Who is no client of a vendor's registers as a program on a person's machine."""
_ALLOW = (
    "Let the server register it: it has to take https redirect URIs of other hosts, and http of 127.0.0.1 at any port, and "
    "to let pass members that it does not know."
)


async def look(visit: Visit, report: Report) -> None:
    """Register one client for each kind."""
    if not await _is_open(visit, report):
        return
    redirects = {
        "registration.chatgpt": PERSONAS["chatgpt"].redirect_uris,
        "registration.claude": PERSONAS["claude"].redirect_uris,
        "registration.loopback": (LOOPBACK_REDIRECT,),
    }
    own = _OF_PERSONA.get(visit.persona.name, "registration.loopback")
    took_s = 0.0
    for check in sorted(redirects, key=lambda check: check != own):
        answer = await _register(visit, redirects[check])
        took_s = max(took_s, answer.took_s)
        if answer.status == 429:
            _report_flood(report, check, answer)
            return
        await _report(visit, report, check, redirects[check], answer, matters=check == own)
    check_time(visit, report, "registration.time", "A registration", took_s)


async def _is_open(visit: Visit, report: Report) -> bool:
    if not visit.learned.server:
        report.skipped("registration.open", "There is no authorization server to register at.")
        return False
    if visit.learned.endpoint("registration_endpoint"):
        return True
    if takes_documents(visit.learned.server):
        report.skipped("registration.open", "Registration is off; clients bring a metadata document.")
    else:
        report.failed(
            "registration.open",
            "There is no registration, and metadata documents are not taken either: no client becomes known by itself.",
            "Turn one of them on (ToolMesh: TOOLMESH_CLIENT_REGISTRATION=open), or set the client up by hand and type its "
            "id and secret into the client (`toolmesh client add`).",
        )
    return False


async def _register(visit: Visit, redirects: tuple[str, ...]) -> Answer:
    """As far as it is known what clients send; the last member is one that no server knows."""
    methods = texts(visit.learned.server, METHODS)
    body = {
        "client_name": CLIENT_NAME,
        "redirect_uris": list(redirects),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none" if "none" in methods or not methods else _with_secret(methods),
        "toolmesh_doctor": True,
    }
    return await visit.post_json(visit.learned.endpoint("registration_endpoint"), body)


def _with_secret(methods: list[str]) -> str:
    return next((each for each in ("client_secret_post", "client_secret_basic") if each in methods), methods[0])


async def _report(
    visit: Visit, report: Report, check: str, redirects: tuple[str, ...], answer: Answer, *, matters: bool
) -> None:
    found = answer.document() or {}
    client = client_of(found, redirects[0])
    if client is not None and answer.status in (200, 201):
        report.hide(client.secret)
        report.hide(client.management_token)
        visit.learned.clients.append(client)
    wrong = _wrong_with(answer, found, redirects)
    if wrong is None:
        report.passed(check, "201, with what was registered.")
        return
    said, fix = wrong
    if answer.status >= 400 and len(redirects) > 1:
        said += await _which(visit, redirects)
    if answer.status == 200 or not matters:
        report.warned(check, f"{said}.", fix)
    else:
        report.failed(check, f"{said}.", fix)


def _wrong_with(answer: Answer, found: Mapping[str, Any], redirects: tuple[str, ...]) -> tuple[str, str] | None:
    if answer.status in (200, 201) and found:
        missing = [uri for uri in redirects if uri not in texts(found, "redirect_uris")]
        if not isinstance(found.get("client_id"), str) or not found["client_id"]:
            return f"{answer.summary}, without a client_id", "Give each client an id (RFC 7591 section 3.2.1)."
        if missing:
            return (
                f"{answer.summary}, and `redirect_uris` in it lacks {quoted(missing[0])}",
                "Give back what was registered, all redirect URIs with it (RFC 7591 section 3.2.1).",
            )
        if answer.status == 200:
            return f"{answer.summary}, where 201 belongs", "Answer 201 Created (RFC 7591 section 3.2.1)."
        return None
    if "error" in found:
        said = f"{answer.summary}: {quoted(found['error'])}"
        if description := found.get("error_description"):
            said += f", {quoted(description)}"
        return said, _ALLOW
    known = diagnosis_of(answer, "")
    return known.said, f"{known.fix} {_ALLOW}"


async def _which(visit: Visit, redirects: tuple[str, ...]) -> str:
    """Which of several redirect URIs is refused, tried one by one."""
    refused = []
    for uri in redirects:
        try:
            answer = await _register(visit, (uri,))
        except Unanswered:
            return ""
        if client := client_of(answer.document() or {}, uri):
            visit.learned.clients.append(client)
        if answer.status >= 400:
            refused.append(uri)
    if not refused:
        return ". Each redirect URI alone is taken"
    return "" if len(refused) == len(redirects) else f". It refuses {quoted(refused[0])}, and takes the other"


def client_of(found: Mapping[str, Any], redirect_uri: str) -> Client | None:
    """The client that the answer to a registration is about, or None."""

    def text(name: str) -> str:
        value = found.get(name)
        return value if isinstance(value, str) else ""

    if not text("client_id"):
        return None
    return Client(
        client_id=text("client_id"),
        redirect_uri=redirect_uri,
        secret=text("client_secret"),
        auth_method=text("token_endpoint_auth_method") or "none",
        management_url=text("registration_client_uri"),
        management_token=text("registration_access_token"),
    )


def _report_flood(report: Report, check: str, answer: Answer) -> None:
    report.warned(
        check,
        f"{answer.summary}: there were too many registrations from here (Retry-After: "
        f"{quoted(answer.headers.get('retry-after', 'not said'))}). The rest was not tried.",
        "Wait for a minute, and run this again. Agents register with every connection: if they see this in normal use, "
        "raise the limit (ToolMesh: TOOLMESH_REGISTRATIONS_PER_MIN_MAX; behind a proxy set TOOLMESH_TRUSTED_PROXIES, or "
        "all count as one).",
    )

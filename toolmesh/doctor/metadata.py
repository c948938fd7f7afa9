"""4: the authorization server's metadata, wherever clients look for it (RFC 8414, RFC 9207, CIMD; MCP, authorization)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.discovery import document_at
from toolmesh.doctor.report import Report
from toolmesh.doctor.server_document import CHECKS as OF_DOCUMENT
from toolmesh.doctor.server_document import check_document
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.timing import check_time
from toolmesh.doctor.visit import Visit

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
CHECKS = {
    "metadata.found": f"The document is at `{OAUTH}`, with the issuer's path behind it.",
    "metadata.time": "It comes in time.",
    **OF_DOCUMENT,
    "metadata.openid": f"`{OPENID}` is a valid OpenID document, or a JSON 404.",
    "metadata.equal": "All documents of the server say the same.",
    "metadata.unknown": "Other paths below `/.well-known/` are a JSON 404.",
}
_OPENID_NEEDS = ("jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported")
_MATTERS = ("issuer", "authorization_endpoint", "token_endpoint", "registration_endpoint")
_NOT_OPENID = (
    "Let it be a JSON 404 (ToolMesh: leave TOOLMESH_OPENID_CONFIGURATION unset): the server is no OpenID provider. Or "
    f"complete it: {', '.join(_OPENID_NEEDS)}."
)
_UNKNOWN = "/.well-known/toolmesh-doctor-asks-for-nothing"


async def look(visit: Visit, report: Report) -> None:
    """Look at all of them."""
    if visit.learned.open_door and not visit.learned.resource:
        report.skipped("metadata.answered", "Not looked at: there is no log-in.")
        return
    issuer = visit.learned.issuer or visit.origin
    visit.learned.issuer = issuer
    found = await _read_oauth(visit, report, issuer)
    openid = await _read_openid(visit, report, issuer, needed=found is None)
    document = found or openid
    if document is not None:
        visit.learned.server = document
        check_document(visit, report, document)
    _check_equal(report, found, openid)
    await _check_unknown(visit, report, issuer)


def places(issuer: str) -> tuple[str, list[str]]:
    """Where the OAuth document of an issuer is (RFC 8414 section 3.1), and where an OpenID one may be."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    if not path:
        return f"{origin}{OAUTH}", [f"{origin}{OPENID}"]
    return f"{origin}{OAUTH}{path}", [f"{origin}{OPENID}{path}", f"{origin}{path}{OPENID}"]


async def _read_oauth(visit: Visit, report: Report, issuer: str) -> Mapping[str, Any] | None:
    url, _ = places(issuer)
    document, wrong, answer = await document_at(visit, url)
    if wrong is None:
        report.passed("metadata.found", f"{url} is there.")
    elif document is not None:
        report.warned("metadata.found", f"{wrong.said}.", wrong.fix)
    else:
        visit.learned.notes["metadata.wrong"] = wrong
    if answer is not None and document is not None:
        check_time(visit, report, "metadata.time", "The document", answer.took_s)
    return document


async def _read_openid(visit: Visit, report: Report, issuer: str, *, needed: bool) -> Mapping[str, Any] | None:
    """Reports on the OAuth document too, where an OpenID one stands for it."""
    first: Mapping[str, Any] | None = None
    problems: list[tuple[str, str]] = []
    for url in places(issuer)[1]:
        document, wrong, answer = await document_at(visit, url)
        if document is not None:
            first = first or document
            missing = [name for name in _OPENID_NEEDS if not document.get(name)]
            if missing:
                said = f"{url} lacks {', '.join(missing)}: clients that take it for OpenID's fail on it"
                problems.append((said, _NOT_OPENID))
        elif wrong is not None and (answer is None or answer.status != 404):
            problems.append((wrong.said, f"{wrong.fix} {_NOT_OPENID}"))
    for said, fix in problems:
        report.failed("metadata.openid", f"{said}.", fix)
    if not problems:
        report.passed(
            "metadata.openid",
            "The OpenID document is complete." if first else "There is no OpenID document, and that is said with a 404.",
        )
    if needed:
        _report_missing(visit, report, first is not None, places(issuer)[0])
    return first


def _report_missing(visit: Visit, report: Report, replaced: bool, url: str) -> None:
    wrong = visit.learned.notes["metadata.wrong"]
    if replaced:
        report.warned(
            "metadata.found",
            f"{wrong.said}; there is only an OpenID document, which not all clients look for.",
            f"Serve the same at {url}.",
        )
    else:
        report.failed(
            "metadata.found",
            f"{wrong.said}: no client learns how to log in (“does not implement OAuth”).",
            f"{wrong.fix} Serve it at {url}; ToolMesh does: have the proxy send all of /.well-known/ to it.",
        )


def _check_equal(report: Report, found: Mapping[str, Any] | None, openid: Mapping[str, Any] | None) -> None:
    if found is None or openid is None:
        return
    different = [name for name in _MATTERS if found.get(name) != openid.get(name)]
    if different:
        name = different[0]
        report.failed(
            "metadata.equal",
            f"The OAuth and the OpenID document differ in {', '.join(different)}: {name} is {quoted(found.get(name))} in "
            f"one, {quoted(openid.get(name))} in the other; clients choose differently.",
            "Let one server answer both, from one configuration.",
        )
    else:
        report.passed("metadata.equal", "The OAuth and the OpenID document say the same.")


async def _check_unknown(visit: Visit, report: Report, issuer: str) -> None:
    parts = urlsplit(issuer)
    origins = dict.fromkeys((visit.origin, f"{parts.scheme}://{parts.netloc}"))
    for origin in origins:
        try:
            answer = await visit.get(f"{origin}{_UNKNOWN}")
        except Unanswered as why:
            report.failed("metadata.unknown", f"{why}.", "Answer unknown paths below /.well-known/ with a JSON 404.")
            continue
        fix = (
            "Answer unknown paths below /.well-known/ with a JSON 404, without a log-in and without a website's catch-all."
        )
        if answer.status == 404 and answer.is_json:
            report.passed("metadata.unknown", f"{origin} answers them 404, as JSON.")
        elif answer.status == 404:
            report.warned("metadata.unknown", f"{answer.summary}: 404, but not as JSON.", fix)
        else:
            report.failed(
                "metadata.unknown",
                f"{answer.summary}, for a document that does not exist: clients take it for one, or for a refusal.",
                fix,
            )

"""What the authorization server's metadata says, member by member: what each client needs to go on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from toolmesh.doctor.discovery import texts
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

CHECKS = {
    "metadata.issuer": "`issuer` is what `authorization_servers` names, character by character.",
    "metadata.pkce": "`code_challenge_methods_supported` holds `S256`.",
    "metadata.code": "Codes are given for a browser's log-in, and can be redeemed.",
    "metadata.endpoints": "All endpoints are https, at the issuer's host.",
    "metadata.clients": "There is a way for a client to be known: a metadata document or registration.",
    "metadata.none": "`none` is among the methods by which clients authenticate.",
    "metadata.signing": "`private_key_jwt` is offered with RS256, or not at all.",
    "metadata.iss": "It says `iss` at the end of a log-in (RFC 9207), and promises that.",
    "metadata.refresh": "Connections can be renewed: `refresh_token`, and `offline_access` to ask for.",
}
METHODS = "token_endpoint_auth_methods_supported"
_ALGORITHMS = "token_endpoint_auth_signing_alg_values_supported"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint")


def check_document(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    """Look at each member."""
    _check_issuer(visit, report, document)
    _check_code(report, document)
    _check_endpoints(visit, report, document)
    _check_clients(visit, report, document)
    _check_methods(visit, report, document)
    _check_iss(visit, report, document)
    _check_refresh(report, document)


def takes_documents(document: Mapping[str, Any]) -> bool:
    """Whether clients may bring a metadata document in place of registering."""
    return document.get("client_id_metadata_document_supported") is True


def _check_issuer(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    issuer, named = document.get("issuer"), visit.learned.issuer
    if issuer == named:
        report.passed("metadata.issuer", f"`issuer` is {quoted(issuer)} in both places.")
        return
    slash = isinstance(issuer, str) and issuer.rstrip("/") == named.rstrip("/")
    what = "they differ by a slash at the end" if slash else "they differ"
    report.failed(
        "metadata.issuer",
        f"`issuer` is {quoted(issuer)}, and {quoted(named)} was named as the server: {what}, and all of it counts.",
        "Write the same in both places, without a slash at the end (ToolMesh: TOOLMESH_ISSUER is both).",
    )


def _check_code(report: Report, document: Mapping[str, Any]) -> None:
    challenges = texts(document, "code_challenge_methods_supported")
    if "S256" in challenges:
        report.passed("metadata.pkce", "PKCE with S256 is offered.")
    else:
        report.failed(
            "metadata.pkce",
            f"`code_challenge_methods_supported` is {quoted(document.get('code_challenge_methods_supported'))}: without "
            "S256 in it ChatGPT and Claude refuse to begin.",
            'Have it say `["S256"]`, and check PKCE at the token endpoint.',
        )
    responses = document.get("response_types_supported")
    grants = document.get("grant_types_supported", ["authorization_code"])
    if "code" in texts(document, "response_types_supported") and "authorization_code" in grants:
        report.passed("metadata.code", "Codes are given and redeemed.")
    else:
        report.failed(
            "metadata.code",
            f"`response_types_supported` is {quoted(responses)}, `grant_types_supported` {quoted(grants)}.",
            'Have them hold "code" and "authorization_code".',
        )


def _check_endpoints(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    named = {name: document[name] for name in _ENDPOINTS if name in document}
    missing = [name for name in _ENDPOINTS[:2] if not isinstance(named.get(name), str)]
    plain = [name for name, url in named.items() if not _is_safe(visit, url)]
    foreign = [name for name, url in named.items() if _host(url) != _host(visit.learned.issuer)]
    if missing:
        report.failed("metadata.endpoints", f"There is no {' and no '.join(missing)}.", "Name both, as https URLs.")
    elif plain:
        report.failed(
            "metadata.endpoints",
            f"`{plain[0]}` is {quoted(named[plain[0]])}, which is not https: clients refuse it.",
            "Tell the server its public https URL (ToolMesh: TOOLMESH_ISSUER); behind a proxy it can't know by itself.",
        )
    elif foreign:
        report.warned(
            "metadata.endpoints",
            f"`{foreign[0]}` is at another host than the issuer, {quoted(named[foreign[0]])}.",
            "Fine if that is meant; if it is an internal name, tell the server its public URL.",
        )
    else:
        report.passed("metadata.endpoints", f"{len(named)} endpoints, at {quoted(_host(visit.learned.issuer))}.")


def _check_clients(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    registers = isinstance(document.get("registration_endpoint"), str)
    if takes_documents(document):
        report.passed("metadata.clients", f"Documents are taken{', and clients may register' if registers else ''}.")
    elif registers:
        report.warned(
            "metadata.clients",
            "Clients have to register, for `client_id_metadata_document_supported` is not true. ChatGPT and Claude prefer "
            "documents; Claude registers anew with each connection.",
            "Take Client ID Metadata Documents too.",
        )
    else:
        report.failed(
            "metadata.clients",
            "There is no `registration_endpoint`, and `client_id_metadata_document_supported` is not true: no client "
            "becomes known here by itself.",
            "Turn one of them on; or set the client up by hand, and type its id and secret into the client "
            "(ToolMesh: `toolmesh client add`).",
        )


def _check_methods(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    methods = texts(document, METHODS) if METHODS in document else ["client_secret_basic"]
    shown = quoted(", ".join(methods))
    if "none" in methods:
        report.passed("metadata.none", f"The methods are {shown}.")
    elif takes_documents(document):
        report.failed(
            "metadata.none",
            f"Documents are taken, and the methods are {shown}: without `none` ChatGPT and Claude don't use theirs.",
            f"Add `none` to `{METHODS}`: such clients keep no secret; PKCE protects their codes.",
        )
    elif visit.persona.name in ("codex", "vscode"):
        report.failed(
            "metadata.none",
            f"The methods are {shown}: {visit.persona.title} runs on people's machines and can keep no secret.",
            f"Add `none` to `{METHODS}`.",
        )
    else:
        report.warned(
            "metadata.none",
            f"The methods are {shown}: clients on people's machines can keep no secret.",
            f"Add `none` to `{METHODS}`.",
        )
    if "private_key_jwt" not in methods:
        report.passed("metadata.signing", "`private_key_jwt` is not offered.")
    elif "RS256" in texts(document, _ALGORITHMS):
        report.passed("metadata.signing", "`private_key_jwt` is offered with RS256.")
    else:
        report.failed(
            "metadata.signing",
            f"`private_key_jwt` is offered, and `{_ALGORITHMS}` is {quoted(document.get(_ALGORITHMS))}: ChatGPT takes it "
            "wherever it is offered, and signs with RS256.",
            "Take RS256 and say so, or don't offer `private_key_jwt`.",
        )


def _check_iss(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    if document.get("authorization_response_iss_parameter_supported") is True:
        report.passed("metadata.iss", "`iss` is promised.")
        return
    report.warned(
        "metadata.iss",
        "`authorization_response_iss_parameter_supported` is not true: ChatGPT then uses a client id and a redirect URI "
        "per connector, and is reported to stop (“Couldn't create MCP app”, “Missing OAuth callback data”).",
        "Send `iss` with every answer of the authorization endpoint, errors too, and say so.",
    )


def _check_refresh(report: Report, document: Mapping[str, Any]) -> None:
    lacks = []
    if "refresh_token" not in texts(document, "grant_types_supported"):
        lacks.append("`grant_types_supported` has no `refresh_token`")
    if "offline_access" not in texts(document, "scopes_supported"):
        lacks.append("`scopes_supported` no `offline_access`")
    if lacks:
        report.warned(
            "metadata.refresh",
            f"{' and '.join(lacks)}: people may have to log in again whenever an access token ends.",
            "Give refresh tokens, and advertise both.",
        )
    else:
        report.passed("metadata.refresh", "`refresh_token` and `offline_access` are offered.")


def _is_safe(visit: Visit, url: Any) -> bool:
    found = origin_of(url) if isinstance(url, str) else ""
    return found.startswith("https:") or (bool(found) and visit.scheme == "http" and visit.learned.near)


def _host(url: Any) -> str:
    try:
        return urlsplit(url).netloc.lower() if isinstance(url, str) else ""
    except ValueError:
        return ""

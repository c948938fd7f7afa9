"""3: the protected resource's metadata, at both places where clients look (RFC 9728; MCP, authorization)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from toolmesh.doctor.discovery import document_at, texts
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

WELL_KNOWN = "/.well-known/oauth-protected-resource"
CHECKS = {
    "prm.root": f"`{WELL_KNOWN}` is a JSON document.",
    "prm.path": f"`{WELL_KNOWN}` with the URL's path behind it is one too.",
    "prm.challenge": "So is what the challenge names.",
    "prm.equal": "All of them say the same.",
    "prm.resource": "`resource` is the URL, as it is typed.",
    "prm.servers": "`authorization_servers` names where to log in.",
    "prm.scopes": "`scopes_supported` does not hold `offline_access`.",
    "prm.header": "Tokens may be sent in the Authorization header.",
    "prm.open": "A server without log-in describes none.",
}
_SERVE = (
    f"Serve `{WELL_KNOWN}` both as it is and with the URL's path behind it, as JSON, to everybody. ToolMesh does: have "
    "the proxy send all of /.well-known/ to it."
)
_MATTERS = ("resource", "authorization_servers", "scopes_supported")


async def look(visit: Visit, report: Report) -> None:
    """Look at all of them."""
    found: dict[str, Mapping[str, Any]] = {}
    for check, url in _places(visit).items():
        await _read(visit, report, check, url, found)
    if visit.learned.open_door:
        described = any("authorization_servers" in document for document in found.values())
        _report_open(visit, report, described)
        if not described:
            return
    if not found:
        return
    _check_equal(report, found)
    document = next(found[check] for check in ("prm.challenge", "prm.path", "prm.root") if check in found)
    visit.learned.resource = document
    _check_resource(visit, report, document)
    _check_servers(visit, report, document)
    _check_rest(report, document)


def _places(visit: Visit) -> dict[str, str]:
    """Check → URL."""
    places = {"prm.root": f"{visit.origin}{WELL_KNOWN}"}
    if visit.path.strip("/"):
        places["prm.path"] = f"{visit.origin}{WELL_KNOWN}{visit.path}"
    named = visit.learned.challenge.get("resource_metadata", "")
    if origin_of(named) == origin_of(visit.url) and named not in places.values():
        places["prm.challenge"] = named
    return places


async def _read(visit: Visit, report: Report, check: str, url: str, found: dict[str, Mapping[str, Any]]) -> None:
    document, wrong, _ = await document_at(visit, url)
    if document is not None:
        found[check] = document
    if wrong is None:
        report.passed(check, f"{url} is there.")
    elif visit.learned.open_door:
        report.skipped(check, "There is none, and no log-in that it could describe.")
    elif document is not None:
        report.warned(check, f"{wrong.said}.", wrong.fix)
    elif check == "prm.root" and visit.persona.name not in ("chatgpt", "generic"):
        report.warned(check, f"{wrong.said}. ChatGPT looks here.", _SERVE)
    else:
        report.failed(check, f"{wrong.said}.", f"{wrong.fix} {_SERVE}")


def _report_open(visit: Visit, report: Report, described: bool) -> None:
    if not described:
        report.passed("prm.open", "It has no log-in, and describes none.")
    elif visit.persona.name == "claude":
        report.failed(
            "prm.open",
            "It lets in who brings nothing, and describes a log-in all the same: Claude then insists on one.",
            "Take the metadata away from the origin of an endpoint without log-in, or ask for the log-in at the endpoint.",
        )
    else:
        report.warned(
            "prm.open",
            "It lets in who brings nothing, and describes a log-in all the same: some clients insist on it then.",
            "Fine if single tools ask for a log-in (in ChatGPT: “Mixed”). Else take the metadata away.",
        )


def _check_equal(report: Report, found: Mapping[str, Mapping[str, Any]]) -> None:
    first = next(iter(found.values()))
    different = [name for name in _MATTERS if any(other.get(name) != first.get(name) for other in found.values())]
    if different:
        said = "; ".join(f"{check[4:]}: {quoted(document.get(different[0]))}" for check, document in found.items())
        report.failed(
            "prm.equal",
            f"The documents differ in {', '.join(different)} ({said}): a token for one is refused at another.",
            "Let one server answer all of them, from one configuration; see that no older one is still behind the proxy.",
        )
    elif len(found) > 1:
        report.passed("prm.equal", f"{len(found)} documents say the same.")


def _check_resource(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    resource = document.get("resource")
    if resource == visit.url:
        report.passed("prm.resource", f"`resource` is {visit.url}.")
        return
    said = f"`resource` is {quoted(resource)}, and the URL {quoted(visit.url)}"
    if not isinstance(resource, str) or origin_of(resource) != origin_of(visit.url):
        report.failed(
            "prm.resource",
            f"{said}: it is of another host or scheme, and no client asks for a token for it.",
            f"Set TOOLMESH_ISSUER to {visit.origin}, if that is the public name; else type the public URL.",
        )
        return
    is_parent = visit.path.startswith(urlsplit(resource).path.rstrip("/") + "/") and not resource.endswith("/mcp")
    if is_parent and visit.persona.name != "claude":
        report.warned(
            "prm.resource",
            f"{said}: a part of it. Claude takes only the very URL that is typed.",
            "Have `resource` name the endpoint itself, path included.",
        )
    else:
        report.failed(
            "prm.resource",
            f"{said}: they have to be the same, character by character; a token for one is refused at the other.",
            f"Type {quoted(resource)} into the client; or have `resource` be what people type (mind a slash at the end).",
        )


def _check_servers(visit: Visit, report: Report, document: Mapping[str, Any]) -> None:
    servers = texts(document, "authorization_servers")
    if not servers or not all(origin_of(server) for server in servers):
        report.failed(
            "prm.servers",
            f"`authorization_servers` is {quoted(document.get('authorization_servers'))}: nobody learns where to log in.",
            "List the issuer of the authorization server there, as an https URL. ToolMesh does, unless "
            "TOOLMESH_AUTH is none.",
        )
        return
    visit.learned.issuer = servers[0]
    plain = [server for server in servers if server.startswith("http:") and not visit.learned.near]
    if plain:
        report.failed("prm.servers", f"It names {quoted(plain[0])}, which is not https.", "Name the https URL.")
    elif len(servers) > 1:
        report.warned(
            "prm.servers",
            f"It names {len(servers)} servers; Claude tries the first alone, {quoted(servers[0])}.",
            "Put the one that everybody can use first.",
        )
    else:
        report.passed("prm.servers", f"The server for log-ins is {quoted(servers[0])}.")


def _check_rest(report: Report, document: Mapping[str, Any]) -> None:
    if "offline_access" in texts(document, "scopes_supported"):
        report.warned(
            "prm.scopes",
            "`scopes_supported` holds `offline_access`, which is the authorization server's matter (SEP-2207).",
            "Take it out here, and list it in the authorization server's metadata.",
        )
    else:
        report.passed("prm.scopes", f"The scopes are {quoted(' '.join(texts(document, 'scopes_supported')))}.")
    methods = document.get("bearer_methods_supported")
    if methods is not None and "header" not in texts(document, "bearer_methods_supported"):
        report.failed(
            "prm.header",
            f"`bearer_methods_supported` is {quoted(methods)}: agents send tokens in the Authorization header alone.",
            'Write `"bearer_methods_supported": ["header"]`, or leave it out.',
        )
    else:
        report.passed("prm.header", "Tokens are taken in the Authorization header.")

"""1: whether the client can come to the URL at all: its name, its addresses, its certificate, and no way around."""

from urllib.parse import urljoin, urlsplit

from shared.addresses import Address, is_loopback, is_public, unwrapped
from toolmesh.doctor import certificate
from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.reachable import addresses_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

CHECKS = {
    "url.https": "The URL is https.",
    "url.address": "The host has an IPv4 address.",
    "url.public": "All its addresses are of the public internet.",
    **certificate.CHECKS,
    "url.http": "It speaks HTTP/1.1.",
    "url.redirect": "Neither the URL nor its twin with the other ending (`/mcp`, `/mcp/`) leads elsewhere.",
}
_LOCAL = "Local only: clients on this machine can use it, no agent on the internet can."
_PUBLISH = "Put it behind a public https URL (docs/deploy.md) before you connect an agent that runs elsewhere."


async def look(visit: Visit, report: Report) -> None:
    """Look at it; what no client gets past ends the visit."""
    _check_https(visit, report)
    try:
        addresses = await addresses_of(visit.host, visit.port)
    except Unanswered as why:
        _stop(visit, report, f"{str(why).capitalize()}.", "url.address")
        return
    visit.learned.near = not all(is_public(unwrapped(address)) for address in addresses)
    _check_addresses(visit, report, addresses)
    try:
        if visit.scheme == "https":
            await certificate.check_certificate(visit, report)
        if not visit.learned.stopped:
            await _check_http(visit, report)
    except Unanswered as why:
        _stop(visit, report, f"{why}.", "url.certificate" if why.kind == "tls" else "url.http")


def _check_https(visit: Visit, report: Report) -> None:
    if visit.scheme == "https":
        report.passed("url.https", "The URL is https.")
    elif not is_loopback(visit.host):
        report.failed(
            "url.https",
            "It is http: passwords and tokens can be read on the way, and agents refuse it.",
            "Put TLS in front (docs/deploy.md), set TOOLMESH_ISSUER to the https URL, and type that one.",
        )
    elif visit.wanted.local:
        report.skipped("url.https", "It is http on this machine.")
    else:
        report.warned("url.https", f"It is http on this machine. {_LOCAL}", _PUBLISH)


def _check_addresses(visit: Visit, report: Report, addresses: list[Address]) -> None:
    shown = ", ".join(str(address) for address in addresses)
    if any(address.version == 4 for address in addresses):
        report.passed("url.address", f"{visit.host} has the address {shown}.")
    elif visit.persona.name == "claude":
        report.failed(
            "url.address",
            f"{visit.host} has no A record, only {shown}: Claude connects from IPv4 addresses alone.",
            "Give the name an A record (an IPv4 address), or put a proxy or CDN with one in front.",
        )
    else:
        report.warned(
            "url.address",
            f"{visit.host} has no A record, only {shown}: many networks, and Claude, reach IPv4 alone.",
            "Give the name an A record (an IPv4 address) too.",
        )
    private = [str(address) for address in addresses if not is_public(unwrapped(address))]
    if visit.wanted.local:
        report.skipped("url.public", "Not looked at (--local): if the internet reaches it is left open.")
    elif not private:
        report.passed("url.public", "It has only public addresses.")
    elif is_loopback(visit.host):
        report.warned("url.public", f"{visit.host} is this machine. {_LOCAL}", _PUBLISH)
    else:
        report.failed(
            "url.public",
            f"{visit.host} has {', '.join(private)}, which the internet does not reach: {visit.persona.title} can't come.",
            "Have the name's public DNS give the proxy's public address, or use a tunnel. If only this network's DNS "
            "says so, run the doctor from outside.",
        )


async def _check_http(visit: Visit, report: Report) -> None:
    answer = await visit.request("GET", visit.url, headers={"Accept": "text/event-stream"})
    report.passed("url.http", f"It answers, in {answer.http_version}.")
    twin = visit.url.removesuffix("/") if visit.url.endswith("/") else f"{visit.url}/"
    found = [answer]
    if not urlsplit(visit.url).query and visit.path.strip("/"):
        try:
            found.append(await visit.request("GET", twin, headers={"Accept": "text/event-stream"}))
        except Unanswered:
            found = [answer]  # nobody typed it
    leading = [each for each in found if each.location]
    if not leading:
        report.passed("url.redirect", "The URL leads nowhere else, nor does its twin with the other ending.")
    for each in leading:
        _report_redirect(visit, report, each)


def _report_redirect(visit: Visit, report: Report, answer: Answer) -> None:
    target = _joined(answer)
    said = f"{answer.method} {answer.url} leads to {quoted(target)} ({answer.status})"
    downgrades = visit.scheme == "https" and target.startswith("http:")
    if downgrades:
        said += ": a client that follows loses its token, or sends it unencrypted"
        fix = (
            "Have the proxy say how it was reached (X-Forwarded-Proto), and serve the path itself, with and without the "
            "slash at the end, instead of redirecting (Starlette: `redirect_slashes = False`)."
        )
    else:
        fix = "Type the URL to which it leads, or have the server (or the proxy's rewrite) answer here without a redirect."
    if downgrades or answer.url == visit.url:
        report.failed("url.redirect", f"{said}.", fix)
    else:
        report.warned("url.redirect", f"{said}: whoever types this form of the URL may not get in.", fix)


def _joined(answer: Answer) -> str:
    try:
        return urljoin(answer.url, answer.location)
    except ValueError:
        return answer.location


_STOPS = {
    "url.address": "Make a DNS record for the host (A, and AAAA if you like), and wait until it is known; or mend the URL.",
    "url.certificate": "Have the proxy speak TLS 1.2 or newer on this port; it may speak plain HTTP, or want another name.",
    "url.http": (
        "See that the server runs, that its proxy reaches it, and that the firewall lets port {port} in. From a machine "
        "that reaches the internet by a proxy alone the doctor sees nothing: run it elsewhere."
    ),
}


def _stop(visit: Visit, report: Report, said: str, check: str) -> None:
    report.failed(check, said, _STOPS[check].format(port=visit.port))
    report.nothing_seen = check != "url.certificate"
    visit.learned.stopped = "Not looked at: nothing answers at the URL."

"""`toolmesh doctor URL --offline`: what the configuration says of the URL, without a single request."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.addresses import is_loopback
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.settings import Settings
from toolmesh.check import examine
from toolmesh.doctor.persona import Persona
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted

CHECKS = {
    "offline.configuration": "`toolmesh check` finds nothing.",
    "offline.issuer": "`TOOLMESH_ISSUER` is the origin of the URL.",
    "offline.host": "Requests that name the URL's host are taken.",
    "offline.path": "The URL's path is one of ToolMesh's endpoints.",
    "offline.log_in": "A log-in is asked for.",
    "offline.clients": "The client has a way to become known.",
    "offline.openid": "The server does not look like an OpenID provider, which it is not.",
}
_PATH = re.compile(r"/mcp(/b/[a-z][a-z0-9_-]{0,31})?|/sse")


def look_offline(url: str, persona: Persona, environment: Mapping[str, str], config: Path, report: Report) -> None:
    """Look at the configuration in that directory and environment."""
    if not config.is_dir():
        report.failed(
            "offline.configuration", f"The configuration directory {config} does not exist.", "Name it with --config."
        )
        report.nothing_seen = True
        return
    _check_all(environment, config, report)
    try:
        settings = load_settings(environment, config_dir=config)
    except ConfigurationError:
        for check in CHECKS:
            if check != "offline.configuration":
                report.skipped(check, "The settings can't be read.")
        return
    _check_issuer(url, settings, report)
    _check_host(url, settings, report)
    _check_path(url, settings.issuer or "", report)
    _check_log_in(settings, report)
    _check_clients(settings, persona, report)
    _check_openid(settings, report)


def _check_all(environment: Mapping[str, str], config: Path, report: Report) -> None:
    found = examine(environment, config)
    fix = "Change it there, and run `toolmesh check` until it is silent."
    for text in found.errors:
        report.failed("offline.configuration", text, fix)
    for text in found.warnings:
        report.warned("offline.configuration", text, fix)
    if not (found.errors or found.warnings):
        report.passed("offline.configuration", "`toolmesh check` finds nothing.")


def _check_issuer(url: str, settings: Settings, report: Report) -> None:
    origin, local = origin_of(url), is_loopback(urlsplit(url).hostname or "")
    shown = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    if settings.issuer is None and local and urlsplit(url).scheme == "http":
        report.passed("offline.issuer", "It is not set, and the URL is of this machine.")
    elif settings.issuer is None:
        report.failed(
            "offline.issuer",
            "TOOLMESH_ISSUER is not set: clients are told to log in at http://127.0.0.1.",
            f"Set TOOLMESH_ISSUER to {shown}.",
        )
    elif origin_of(settings.issuer) != origin:
        report.failed(
            "offline.issuer",
            f"TOOLMESH_ISSUER is {settings.issuer}, and the URL is of {shown}: no token for one is good at the other.",
            f"Set TOOLMESH_ISSUER to {shown}, or type {settings.issuer}/mcp into the client.",
        )
    elif not url.startswith(f"{settings.issuer}/"):
        report.failed(
            "offline.issuer",
            f"TOOLMESH_ISSUER is {settings.issuer}, and the URL does not begin like that; all of it counts, upper and "
            "lower case too.",
            f"Type {settings.issuer}/mcp into the client.",
        )
    else:
        report.passed("offline.issuer", f"TOOLMESH_ISSUER is {settings.issuer}.")


def _check_host(url: str, settings: Settings, report: Report) -> None:
    host = urlsplit(url).netloc.lower()
    taken = {urlsplit(settings.issuer or "").netloc.lower(), *(each.lower() for each in settings.allowed_hosts)}
    if host in taken or is_loopback(urlsplit(url).hostname or ""):
        report.passed("offline.host", f"Requests for {host} are taken.")
    else:
        report.failed(
            "offline.host",
            f"Requests for {host} are answered 421: its names are {quoted(', '.join(sorted(taken - {''})))}.",
            "Set TOOLMESH_ISSUER to the public URL, or add the host to TOOLMESH_ALLOWED_HOSTS.",
        )


def _check_path(url: str, issuer: str, report: Report) -> None:
    path = urlsplit(url).path
    if _PATH.fullmatch(path.removeprefix(urlsplit(issuer).path)) and not urlsplit(url).query:
        report.passed("offline.path", f"The path is {path}.")
    else:
        report.failed(
            "offline.path",
            f"The path is {quoted(path or '(none)')}, which is no endpoint; a slash at the end or a query counts too.",
            "Type the URL with /mcp at its end (/mcp/b/NAME for one backend, /sse for clients of 2024).",
        )


def _check_log_in(settings: Settings, report: Report) -> None:
    if settings.auth == "none":
        report.warned(
            "offline.log_in",
            "TOOLMESH_AUTH is none: whoever knows the URL gets in, as far as the rule `anonymous` lets them.",
            "Leave TOOLMESH_AUTH out, unless that is what you want; choose “No authentication” in the client then.",
        )
    else:
        report.passed("offline.log_in", "A log-in is asked for.")


def _check_clients(settings: Settings, persona: Persona, report: Report) -> None:
    host = urlsplit(persona.document).hostname or ""
    documented = bool(host) and ("*" in settings.client_document_hosts or host in settings.client_document_hosts)
    registers = settings.client_registration == "open"
    if not documented and not registers:
        report.failed(
            "offline.clients",
            f"Registration is off, and documents of {host or 'this client'} are not taken: {persona.title} stays unknown.",
            "Set TOOLMESH_CLIENT_REGISTRATION=open, add the host to TOOLMESH_CLIENT_DOCUMENT_HOSTS, or set the client up "
            "with `toolmesh client add`.",
        )
    elif host and not documented:
        report.warned(
            "offline.clients",
            f"Documents of {host} are not taken, so {persona.title} has to register.",
            "Add the host to TOOLMESH_CLIENT_DOCUMENT_HOSTS.",
        )
    else:
        report.passed("offline.clients", "By a metadata document." if documented else "By registration.")


def _check_openid(settings: Settings, report: Report) -> None:
    if settings.openid_configuration:
        report.failed(
            "offline.openid",
            "TOOLMESH_OPENID_CONFIGURATION is on: clients that take the document for OpenID's fail on it.",
            "Leave it out; it is for clients alone that look nowhere else.",
        )
    else:
        report.passed("offline.openid", "There is no OpenID document.")

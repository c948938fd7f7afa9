"""8, second part: the whole log-in by a browser, as a client on this machine makes it (RFC 8252, RFC 7636, RFC 9207)."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.addresses import is_loopback
from toolmesh.doctor.answer import Answer
from toolmesh.doctor.authorization import authorization_url, resource_of
from toolmesh.doctor.authorization import challenge as challenge_of
from toolmesh.doctor.callback import Callback
from toolmesh.doctor.learned import Client
from toolmesh.doctor.new_client import NotRegistered, register
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.token_methods import ask
from toolmesh.doctor.visit import Visit

CHECKS = {
    "token.log_in": "A person can log in by the browser and come back to the client.",
    "token.state": "The state comes back as it was sent.",
    "token.iss": "The issuer comes back with the code, exactly as the metadata has it.",
    "token.exchange": "The code is exchanged for a Bearer token, with PKCE and the resource.",
    "token.no_store": "The answer with tokens says `Cache-Control: no-store`.",
    "token.lifetime": "The token's life is said, and lasts 10 minutes or more.",
    "token.refresh_token": "There is a refresh token: without one the connection ends with the first token.",
}
GRANT = "token.grant"
"""Note: the `Grant`."""
_LIFE_S_MIN = 600


@dataclass(slots=True)
class Grant:
    """What a person allowed, and what came of it."""

    client: Client
    code: str
    verifier: str
    access_token: str = ""
    refresh_token: str = ""
    expires_in_s: float | None = None
    resource: str = ""
    ended: bool = False
    """Whether it was revoked."""


async def log_in(visit: Visit, report: Report) -> None:
    """Have a person log in, and take the token. What is learned stands in `visit.token` and the note GRANT."""
    if not all(map(visit.learned.endpoint, ("authorization_endpoint", "token_endpoint"))):
        report.failed(
            "token.log_in",
            "There is nowhere to log in: the metadata names no authorization_endpoint and token_endpoint.",
            "Mend what failed in the groups before this one.",
        )
        return
    try:
        async with Callback(visit.wanted.callback_port) as callback:
            client = await _client(visit, report, callback.url)
            grant = await _authorized(visit, report, callback, client) if client is not None else None
    except OSError as cause:
        report.failed(
            "token.log_in",
            f"Port {visit.wanted.callback_port} on 127.0.0.1 can't be used ({cause.strerror}).",
            "Stop what uses it, or give another with --callback-port.",
        )
        return
    if grant is not None:
        await _exchange(visit, report, grant)


async def _client(visit: Visit, report: Report, redirect_uri: str) -> Client | None:
    """Who asks: a client that the server knows, or one that registers for this."""
    if visit.wanted.client_id:
        return Client(visit.wanted.client_id, redirect_uri)
    advice = "Give --client-id with a public client of the server's that may be sent back to http://127.0.0.1/callback."
    if not visit.learned.endpoint("registration_endpoint"):
        report.skipped("token.log_in", f"No log-in was tried: clients can't register themselves here. {advice}")
        return None
    listed = visit.learned.server.get("token_endpoint_auth_methods_supported")
    method = "none" if not isinstance(listed, list) or "none" in listed else "client_secret_post"
    if isinstance(listed, list) and method not in listed:
        method = "client_secret_basic"
    try:
        return await register(visit, report, redirect_uri, method)
    except NotRegistered as why:
        report.failed("token.log_in", f"A client on this machine can't register: {why}.", advice)
        return None


async def _authorized(visit: Visit, report: Report, callback: Callback, client: Client) -> Grant | None:
    state, (verifier, challenge) = secrets.token_urlsafe(24), challenge_of()
    report.hide(verifier)
    endpoint = visit.learned.endpoint("authorization_endpoint")
    if not _may_be_opened(endpoint):
        said = f"The authorization_endpoint is {quoted(endpoint)}: no browser is sent there."
        report.failed("token.log_in", said, "Name an https URL in the metadata.")
        return None
    visit.open_url(authorization_url(visit, client, state, challenge, {}))
    try:
        came = await visit.of_person(callback.parameters())
    except TimeoutError:
        report.failed(
            "token.log_in",
            f"Nobody came back from the log-in within {visit.bounds.person_s:.0f} s.",
            "Run it again and log in. If you did: look at what the browser shows; the page may not lead on to 127.0.0.1.",
        )
        return None
    code = came.get("code", "")
    report.hide(code)
    is_another = _is_of_another(visit, report, came.get("iss"))
    if came.get("state") != state:
        report.failed(
            "token.state",
            f"The browser came back with {'another' if came.get('state') else 'no'} state: clients refuse the code.",
            "Send `state` back as it came, byte for byte, with each answer (RFC 6749 section 4.1.2).",
        )
        return None
    report.passed("token.state", "The state came back as it was sent.")
    if is_another:
        return None
    if not code:
        report.failed(
            "token.log_in",
            f"The browser came back with {quoted(came.get('error'))}, {quoted(came.get('error_description', ''))}.",
            "If you refused: run it again. Else see the server's log of this moment.",
        )
        return None
    report.passed("token.log_in", "You logged in and came back.")
    return Grant(client, code, verifier, resource=resource_of(visit))


def _may_be_opened(url: str) -> bool:
    """Whether a stranger's URL may be shown and opened: of the web, and nothing that a terminal takes for more."""
    if not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return host != "" and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _is_of_another(visit: Visit, report: Report, iss: str | None) -> bool:
    """Whether the answer says that it is of another server, to whom its code belongs then."""
    promised = visit.learned.server.get("authorization_response_iss_parameter_supported") is True
    issuer = visit.learned.server.get("issuer")
    if iss is not None and iss != issuer:
        report.failed(
            "token.iss",
            f"The code came with the issuer {quoted(iss)}, and the metadata has {quoted(issuer)}: clients refuse it.",
            "Send `iss` exactly as `issuer` in the metadata, byte for byte (RFC 9207 section 2.4).",
        )
    elif iss is None and promised:
        report.failed(
            "token.iss",
            "The metadata promises `iss` with each answer, and the code came without: clients refuse it.",
            "Send `iss` with each answer of the authorization endpoint, also with errors; or take "
            "authorization_response_iss_parameter_supported out.",
        )
    elif iss is None:
        report.skipped("token.iss", "No issuer came with the code, and none was promised.")
    else:
        report.passed("token.iss", "The issuer came with it, as the metadata has it.")
    return iss is not None and iss != issuer


async def _exchange(visit: Visit, report: Report, grant: Grant) -> None:
    answer = await ask(
        visit,
        grant.client,
        grant_type="authorization_code",
        code=grant.code,
        redirect_uri=grant.client.redirect_uri,
        code_verifier=grant.verifier,
        resource=grant.resource,
    )
    said = answer.document() or {}
    if not take_tokens(report, grant, answer) or str(said.get("token_type", "")).lower() != "bearer":
        what = quoted(said.get("error") or said.get("token_type") or "")
        why = quoted(said.get("error_description", ""))
        report.failed(
            "token.exchange",
            f"The code was not exchanged for a Bearer token: {answer.summary}, {what} {why}.",
            "See the server's log of this moment. Client, redirect URI, verifier and resource were those of the log-in.",
        )
        return
    visit.learned.notes[GRANT] = grant
    visit.token = grant.access_token
    report.passed("token.exchange", f"The code was exchanged for a token; scope {quoted(said.get('scope', ''))}.")
    _check_answer(report, answer, grant)


def take_tokens(report: Report, grant: Grant, answer: Answer) -> bool:
    """Take the tokens of an answer, hidden from the report; whether there is one."""
    said = answer.document() or {}
    access, refresh, life = said.get("access_token"), said.get("refresh_token"), said.get("expires_in")
    if answer.status != 200 or not isinstance(access, str) or not access:
        return False
    grant.access_token = access
    report.hide(access)
    if isinstance(refresh, str) and refresh:
        grant.refresh_token = refresh
        report.hide(refresh)
    if isinstance(life, int | float) and not isinstance(life, bool):
        grant.expires_in_s = float(life)
    return True


def _check_answer(report: Report, answer: Answer, grant: Grant) -> None:
    if "no-store" in answer.headers.get("cache-control", "").lower():
        report.passed("token.no_store", "The answer with tokens may not be stored.")
    else:
        report.warned(
            "token.no_store",
            f"The answer with tokens has Cache-Control {quoted(answer.headers.get('cache-control', ''))}: a proxy "
            "may keep it.",
            "Send `Cache-Control: no-store` with it (RFC 6749 section 5.1).",
        )
    if grant.expires_in_s is None:
        report.warned(
            "token.lifetime",
            "The answer does not say how long the token lives (expires_in): a client learns it by failing.",
            "Send `expires_in`, in seconds.",
        )
    elif grant.expires_in_s < _LIFE_S_MIN:
        report.warned(
            "token.lifetime",
            f"The token lives {grant.expires_in_s:.0f} s: clients renew it over and over, within conversations too.",
            "Let access tokens live an hour, and 10 minutes at least.",
        )
    else:
        report.passed("token.lifetime", f"The access token lives {grant.expires_in_s:.0f} s.")
    if grant.refresh_token:
        report.passed("token.refresh_token", "There is a refresh token.")
    else:
        report.failed(
            "token.refresh_token",
            "There is no refresh token: when the access token ends, the person has to connect again.",
            "Give one to clients that ask for the grant type refresh_token, and list `offline_access` in the authorization "
            "server's scopes_supported, so that they ask.",
        )

"""Requests to the authorization endpoint, as a person's browser would bring them."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.discovery import texts
from toolmesh.doctor.learned import Client
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.visit import Visit

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml",
}
_OFFLINE = "offline_access"
_REDIRECTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Brought:
    """What a request led to."""

    state: str
    answer: Answer
    """The last one: a page, or a redirect to the client."""
    parameters: Mapping[str, str] | None
    """What the client is told in the redirect; None where nothing goes to it."""


def challenge() -> tuple[str, str]:
    """A PKCE verifier and its challenge (RFC 7636 section 4)."""
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def resource_of(visit: Visit) -> str:
    """What a client asks a token for: `resource` of the metadata, else the URL."""
    found = visit.learned.resource.get("resource")
    return found if isinstance(found, str) and found else visit.url


def scope_of(visit: Visit) -> str:
    """What clients ask for: what the challenge names, else what the resource lists; and `offline_access` where the
    authorization server has it."""
    asked = visit.learned.challenge.get("scope", "").split() or texts(visit.learned.resource, "scopes_supported")
    offered = texts(visit.learned.server, "scopes_supported")
    return " ".join(dict.fromkeys([*asked, *({_OFFLINE} & set(offered))]))


def authorization_url(visit: Visit, client: Client, state: str, pkce: str, changes: Mapping[str, str | None]) -> str:
    """The URL of an authorization request like a client's (RFC 6749 section 4.1.1). `changes`: to its parameters; None
    leaves one out."""
    fields: dict[str, str | None] = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "state": state,
        "scope": scope_of(visit) or None,
        "code_challenge": pkce,
        "code_challenge_method": "S256",
        "resource": resource_of(visit),
        **changes,
    }
    endpoint = visit.learned.endpoint("authorization_endpoint")
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"


async def bring(visit: Visit, client: Client, changes: Mapping[str, str | None] | None = None) -> Brought:
    """Send an authorization request, and follow it as far as the server's own pages. Raises Unanswered."""
    state = secrets.token_urlsafe(16)
    found = changes or {}
    url = authorization_url(visit, client, state, challenge()[1], found)
    return await _followed(visit, url, found.get("redirect_uri") or client.redirect_uri, state)


async def _followed(visit: Visit, url: str, redirect_uri: str, state: str) -> Brought:
    """Nothing is sent to the client: its redirect is only read."""
    cookies: dict[str, str] = {}
    for _ in range(_REDIRECTS_MAX):
        headers = BROWSER | ({"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {})
        answer = await visit.request("GET", url, headers=headers)
        cookies |= _cookies_of(answer)
        target = _joined(url, answer.location)
        if target.partition("?")[0].partition("#")[0] == redirect_uri.partition("?")[0]:
            return Brought(state, answer, _parameters_of(target))
        if not target or origin_of(target) != origin_of(url):
            return Brought(state, answer, None)
        url = target
    raise Unanswered(f"{url.partition('?')[0]}: redirected {_REDIRECTS_MAX} times, and there was no end", "bound")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return location


def _cookies_of(answer: Answer) -> dict[str, str]:
    """Name and value of each; what else a cookie says does not matter within one visit to one origin."""
    pairs = (each.partition(";")[0].partition("=") for each in answer.cookies)
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _parameters_of(target: str) -> dict[str, str]:
    parts = urlsplit(target)
    found = parse_qs(parts.query, keep_blank_values=True) or parse_qs(parts.fragment, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}

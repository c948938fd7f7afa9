"""The token endpoint of an authorization server (RFC 6749 section 3.2), as its client.

Nothing that it says is shown to anybody but the name of an error: a description may hold what was sent. What happens here
happens before the API is asked, so all that goes wrong is certain.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
import structlog
import yarl

from shared.addresses import is_public
from shared.errors import UpstreamBadResponse, UpstreamTimeout, UpstreamTooLarge, UpstreamUnreachable
from shared.private_hosts import PrivateHosts, canonical
from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.fixed import basic
from workers.backends.rest.auth.given import is_header_value
from workers.backends.rest.auth.place import Place
from workers.backends.rest.failed import Failed
from workers.egress.outgoing import Outgoing

log = structlog.get_logger()

LIFE_S = 3600.0
"""Of a token of which nothing is said (`expires_in` is only recommended)."""
_LIFE_S_MAX = 30 * 24 * 3600.0
_ERROR = re.compile(r"[a-z][a-z0-9_]{0,40}")
_TOKEN_CHARS_MAX = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What it gave."""

    access_token: str = field(repr=False)
    life_s: float
    refresh_token: str = field(default="", repr=False)


class Refused(Failed):
    """It said no, and with which of the errors of RFC 6749 section 5.2; empty where it is none."""

    def __init__(self, backend: str, error: str, status: int, what: str) -> None:
        said = f"`{error}`" if error else f"HTTP {status} without an OAuth error"
        super().__init__("unauthorized", f"The token endpoint of backend {backend!r} answers {said}. {what}")
        self.error = error


class TokenEndpoint:
    """That of one backend."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._listed = PrivateHosts.parse(place.entry.private_hosts)

    async def ask(
        self, url: str, fields: Mapping[str, str], *, client: tuple[str, str] = ("", ""), basic_auth: bool = False
    ) -> Granted:
        """`client`: its id and secret, each of which may be empty. Raises Failed for what is refused or is no token,
        UpstreamUnreachable where it can't be asked, EgressDenied where it may not."""
        where = self._checked(url)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        form = dict(fields)
        client_id, client_secret = client
        if basic_auth and client_secret:
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            headers["Authorization"] = f"Basic {basic(quote_plus(client_id), quote_plus(client_secret))}"
        else:
            form |= {name: v for name, v in (("client_id", client_id), ("client_secret", client_secret)) if v}
        answer = await self._send(where, urlencode(form).encode("ascii"), headers)
        return self._granted(answer, [*form.values(), *client])

    async def _send(self, url: yarl.URL, body: bytes, headers: Mapping[str, str]) -> Answer:
        settings = self._place.settings
        base = yarl.URL(self._place.base_url)
        outgoing = Outgoing(method="POST", url=url, headers=headers, body=body, verified=url.origin() != base.origin())
        name = self._place.entry.name
        try:
            return await self._place.wire.send(
                outgoing, bytes_max=settings.rest_token_bytes_max, within_s=settings.rest_token_s, masked=False
            )
        except UpstreamUnreachable:
            raise UpstreamUnreachable(
                f"The token endpoint of backend {name!r} can't be reached, so nothing was sent to its API."
            ) from None
        except UpstreamTimeout:
            why = f"does not answer within {settings.rest_token_s:g} s (`TOOLMESH_REST_TOKEN_S`)"
        except UpstreamTooLarge:
            why = f"answers with more than {settings.rest_token_bytes_max} bytes"
        except UpstreamBadResponse:
            why = "breaks off, or does not speak HTTP"
        raise UpstreamUnreachable(f"The token endpoint of backend {name!r} {why}. Nothing was sent to its API.")

    def _granted(self, answer: Answer, sent: Collection[str]) -> Granted:
        name = self._place.entry.name
        said = _object(answer.body)
        error = _error(said, sent)
        if answer.status >= 500 or answer.status == 429:
            raise UpstreamUnreachable(
                f"The token endpoint of backend {name!r} answers HTTP {answer.status}. Nothing was sent to its API."
            )
        if 300 <= answer.status < 400:
            raise self._useless("redirects, which is not followed with credentials: write the URL that it leads to")
        if not 200 <= answer.status < 300 or "error" in said:
            log.warning("a token was refused", backend=name, status=answer.status, error=error)
            raise Refused(name, error, answer.status, _ADVICE.get(error, "Look at `auth` of its DADL file."))
        token = said.get("access_token")
        kind = said.get("token_type", "bearer")
        refresh = said.get("refresh_token")
        if not (isinstance(token, str) and is_header_value(token) and len(token) <= _TOKEN_CHARS_MAX):
            raise self._useless("gives no access token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise self._useless("gives a token that is not of type Bearer (RFC 6750)")
        if not (refresh is None or (isinstance(refresh, str) and len(refresh) <= _TOKEN_CHARS_MAX)):
            raise self._useless("gives a refresh token that is no text")
        return Granted(access_token=token, life_s=_life_s(said.get("expires_in")), refresh_token=refresh or "")

    def _useless(self, what: str) -> Failed:
        return Failed("unauthorized", f"The token endpoint of backend {self._place.entry.name!r} {what}.")

    def _checked(self, text: str) -> yarl.URL:
        """The URL, if a secret may go there. Raises Failed."""
        url = yarl.URL(text)
        if url.scheme == "https" or (url.scheme == "http" and self._is_ours(url)):
            return url
        raise self._useless(
            "has a URL without encryption, at a host that is not known to be yours. Use https; for a host of your own "
            "network list it under `private_hosts` of backends.yaml"
        )

    def _is_ours(self, url: yarl.URL) -> bool:
        """Loopback, a private address, or what the operator lists: all of it without asking a name server."""
        host, port = canonical(url.raw_host or ""), url.port or 80
        if host == "localhost" or self._listed.has_name(host, port):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return not is_public(address) or self._listed.has_address(address, port)


_ADVICE = {
    "invalid_client": "It does not know this client, or its secret is wrong: look at the variables of the client's id and "
    "secret, and at `token_auth`.",
    "unauthorized_client": "This client may not ask for a token that way: look at `flow`, and at how it is registered.",
    "invalid_scope": "Look at `scopes`.",
    "unsupported_grant_type": "Look at `flow`.",
}


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _error(said: Mapping[str, Any], sent: Collection[str]) -> str:
    """Its name, unless it is something else: what was sent, for instance."""
    error = said.get("error")
    if not isinstance(error, str) or not _ERROR.fullmatch(error):
        return ""
    return "" if any(value and value in error for value in sent if len(value) > 3) else error


def _life_s(said: object) -> float:
    try:
        life_s = float(said) if isinstance(said, int | float | str) and not isinstance(said, bool) else LIFE_S
    except (ValueError, OverflowError):
        life_s = LIFE_S
    return min(life_s, _LIFE_S_MAX) if life_s > 0 else LIFE_S

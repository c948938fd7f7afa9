"""The library's client of one provider: it writes the way there (RFC 6749 section 4.1.1) and redeems the code (4.1.3)."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from edge.oauth.guarded_http import GuardedHttp
from edge.providers.provider import Failed, ProviderFailed, Round, plain
from edge.providers.transport import Transport
from shared.access_settings import Secret
from shared.json_text import depth_exceeds

_DEPTH_MAX = 16
_OF_SETUP = frozenset({"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "incorrect_client_credentials"})
"""What a provider answers that does not know this server as it is set up; the last two are GitHub's."""


class Session:
    """Requests of this server to one provider."""

    def __init__(
        self,
        http: GuardedHttp,
        client_id: str,
        secret: Secret | None,
        auth_method: str,
        *,
        own: frozenset[str],
        bytes_max: int,
    ) -> None:
        """`secret`: None for a client without one. `own`: hosts that the operator wrote."""
        self._client_id = client_id
        self._secret = secret
        self._auth_method = auth_method
        self._transport = Transport(http, own, bytes_max)

    def way_in(self, endpoint: str, way: Round, scope: str, **more: str) -> str:
        """The URL to send the person to."""
        url, _ = self._client(way.redirect_uri).create_authorization_url(
            endpoint, state=way.state, code_verifier=way.verifier, scope=scope, **more
        )
        return str(url)

    async def redeem(self, endpoint: str, way: Round, code: str) -> Mapping[str, Any]:
        """The members of the token answer. Raises ProviderFailed."""
        client = self._client(way.redirect_uri)
        try:
            found = await client.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=way.verifier
            )
        except OAuthError as error:
            name = plain(str(error.error))
            kind: Failed = "setup" if name in _OF_SETUP else "refused"
            raise ProviderFailed(kind, f"the code was not redeemed: the provider answered {name}") from None
        except (httpx2.HTTPError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as cause:
            raise ProviderFailed("untrue", f"the token answer can't be read ({type(cause).__name__})") from None
        finally:
            await client.aclose()
        if not isinstance(found, dict) or not isinstance(found.get("access_token"), str):
            raise ProviderFailed("untrue", "the token answer has no access_token")
        return found

    async def get(self, url: str, access_token: str, *, accept: str = "application/json") -> Any:
        """JSON that the person's access token opens. Raises ProviderFailed."""
        headers = {"accept": accept, "authorization": f"Bearer {access_token}"}
        answer = await self._transport.handle_async_request(httpx2.Request("GET", url, headers=headers))
        where = f"{answer.request.url.host}{answer.request.url.path}"
        if answer.status_code != 200:
            raise ProviderFailed("refused", f"{where} answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content) if not depth_exceeds(answer.content, _DEPTH_MAX) else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ProviderFailed("untrue", f"{where} did not answer with JSON") from None

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        client = AsyncOAuth2Client(
            client_id=self._client_id,
            client_secret=self._secret.reveal() if self._secret is not None else None,
            token_endpoint_auth_method=self._auth_method,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            transport=self._transport,
            trust_env=False,
        )
        client.register_client_auth_method(("client_secret_basic", _basic))
        return client


def _basic(client: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """RFC 6749 section 2.3.1: both are form-encoded first. The library leaves that out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body

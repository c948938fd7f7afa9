"""What a provider says of itself (OpenID Connect Discovery 1.0, section 3), believed for a while."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from edge.oauth.guarded_http import GuardedHttp, NotFetched
from edge.providers.provider import ProviderFailed
from shared.issuer_urls import problem_of_issuer
from shared.json_text import depth_exceeds
from shared.settings import Settings

_DEPTH_MAX = 16


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The members that are looked at; others are let pass."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    prompt_values_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False
    """RFC 9207 section 3."""


_decoder = msgspec.json.Decoder(Metadata)


class MetadataOf:
    """The metadata of one issuer, at one edge."""

    def __init__(
        self,
        issuer: str,
        http: GuardedHttp,
        settings: Settings,
        *,
        own: frozenset[str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own`: hosts that the operator wrote."""
        self._issuer = issuer
        self._http = http
        self._own = own
        self._now = now
        self._kept_s = settings.identity_provider_cache_s
        self._bytes_max = settings.identity_provider_bytes_max
        self._until = 0.0
        self._kept: Metadata | None = None
        self._fetching = asyncio.Lock()

    async def get(self) -> Metadata:
        """The metadata. Raises ProviderFailed."""
        async with self._fetching:  # of many that ask at once, one fetches
            if self._kept is None or self._until <= self._now():
                self._kept = await self._fetch()
                self._until = self._now() + self._kept_s
            return self._kept

    async def _fetch(self) -> Metadata:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            fetched = await self._http.get_json(url, bytes_max=self._bytes_max, own=self._own)
        except NotFetched as failed:
            raise ProviderFailed("away" if failed.temporary else "setup", f"{url}: {failed}") from failed
        return read_metadata(fetched.body, self._issuer)


def read_metadata(body: bytes, issuer: str) -> Metadata:
    """A document that is of that issuer, and can be used. Raises ProviderFailed."""
    try:
        found = None if depth_exceeds(body, _DEPTH_MAX) else _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if found is None:
        raise ProviderFailed("setup", "the discovery document is none of OpenID Connect, or lacks an endpoint")
    if found.issuer != issuer:
        raise ProviderFailed("setup", f"the discovery document is of the issuer {found.issuer[:200]!r}, not of {issuer!r}")
    endpoints = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri]
    if found.userinfo_endpoint is not None:
        endpoints.append(found.userinfo_endpoint)
    for url in endpoints:
        if problem_of_issuer(url.partition("?")[0]) or "#" in url:
            raise ProviderFailed("setup", f"the discovery document names {url[:200]!r}, which is no https URL")
    return found

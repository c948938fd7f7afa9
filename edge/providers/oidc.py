"""A provider that speaks OpenID Connect (Core 1.0, section 3.1: the authorization code flow)."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from joserfc.jwk import Key

from edge.external.server_keys import fits, verifying_keys
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from edge.oauth.key_cache import KeyCache, KeysNotFetched, NewKeys
from edge.providers.id_token import check_claims, check_signature, read_id_token
from edge.providers.metadata import Metadata, MetadataOf
from edge.providers.provider import ProviderFailed, Round, check_came
from edge.providers.session import Session
from shared.access_settings import Secret
from shared.claims_mapping import has_groups
from shared.identity_providers_file import IdentityProviderEntry
from shared.settings import Settings

log = structlog.get_logger()

_SCOPES = ("openid", "profile", "email")
_ADDRESS = frozenset({"email", "email_verified"})
_KEYS_AGAIN_S = 30
_KEYS_STALE_S = 24 * 3600
_ONLY_SELECTS = "https://accounts.google.com"
"""It does not say which prompts it knows, and refuses `login`."""


class OidcProvider:
    """One, at one edge."""

    def __init__(
        self,
        entry: IdentityProviderEntry,
        secret: Secret | None,
        http: GuardedHttp,
        settings: Settings,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._entry = entry
        self._secret = secret
        self._http = http
        self._now_s = now_s
        self._own = frozenset({(urlsplit(entry.issuer).hostname or "").lower()})
        self._bytes_max = settings.identity_provider_bytes_max
        self._kept_s = settings.identity_provider_cache_s
        self._metadata = MetadataOf(entry.issuer, http, settings, own=self._own)
        self._keys = KeyCache(retry_s=_KEYS_AGAIN_S, stale_s=_KEYS_STALE_S)

    async def way_in(self, way: Round, *, again: bool) -> str:
        """The URL to send the person to. Raises ProviderFailed."""
        said = await self._metadata.get()
        scope = " ".join(self._entry.scopes or _SCOPES)
        more = {"nonce": way.nonce, **({"prompt": self._prompt(said)} if again else {})}
        return self._session(said).way_in(said.authorization_endpoint, way, scope, **more)

    async def claims(self, way: Round, came: Mapping[str, str]) -> Mapping[str, Any]:
        """What the provider says of the person who came back. Raises ProviderFailed."""
        said = await self._metadata.get()
        issuer = came.get("iss")
        if issuer != said.issuer and (issuer is not None or said.authorization_response_iss_parameter_supported):
            raise ProviderFailed("untrue", "the answer is not of this provider: its iss is missing or another (RFC 9207)")
        code = check_came(came)
        session = self._session(said)
        tokens = await session.redeem(said.token_endpoint, way, code)
        claims = await self._verified(tokens, way, said)
        return await self._with_userinfo(claims, tokens["access_token"], session, said)

    async def _verified(self, tokens: Mapping[str, Any], way: Round, said: Metadata) -> Mapping[str, Any]:
        token = tokens.get("id_token")
        unverified = read_id_token(token, said.id_token_signing_alg_values_supported)
        alg = unverified.header["alg"]
        check_signature(str(token), alg, await self._fitting(said.jwks_uri, alg, unverified.header.get("kid")))
        return check_claims(
            unverified,
            issuer=said.issuer,
            client_id=self._entry.client_id,
            nonce=way.nonce,
            access_token=tokens["access_token"],
            now_s=int(self._now_s()),
        )

    async def _fitting(self, jwks_uri: str, alg: str, key_id: Any) -> list[Key]:
        if key_id is not None and not isinstance(key_id, str):
            raise ProviderFailed("untrue", "the key id of the id_token is no text")
        kept = await self._keys.find(jwks_uri, key_id, lambda: self._fetch_keys(jwks_uri))
        if kept.keys is None:
            raise ProviderFailed("away", "the provider's keys can't be fetched")
        return [key for key in kept.keys.keys if fits(key, alg) and key_id in (None, key.kid)]

    async def _fetch_keys(self, jwks_uri: str) -> NewKeys:
        try:
            fetched = await self._http.get_json(jwks_uri, bytes_max=self._bytes_max, own=self._own)
        except NotFetched as failed:
            log.warning("keys of an identity provider not fetched", provider=self._entry.name, reason=str(failed))
            raise KeysNotFetched(temporary=True) from failed
        return NewKeys(verifying_keys(fetched.body), self._kept_s)

    async def _with_userinfo(
        self, claims: Mapping[str, Any], access_token: str, session: Session, said: Metadata
    ) -> Mapping[str, Any]:
        """With what only the userinfo endpoint says (section 5.3), asked where the id_token leaves something out."""
        entry = self._entry
        allow = entry.allow
        needed = (bool(entry.roles or entry.plans or allow.groups) and not has_groups(claims, entry)) or (
            bool(allow.emails or allow.domains) and "email_verified" not in claims
        )
        if said.userinfo_endpoint is None or not (needed or entry.name_claim not in claims):
            return claims
        try:
            found = await session.get(said.userinfo_endpoint, access_token)
        except ProviderFailed:
            if needed:
                raise
            return claims
        if not isinstance(found, dict) or found.get("sub") != claims["sub"]:
            raise ProviderFailed("untrue", "the userinfo endpoint speaks of somebody else (section 5.3.2)")
        # Whether an address is verified is said of the address beside it, and of no other.
        own = claims if claims.keys() >= _ADDRESS else {name: claims[name] for name in claims.keys() - _ADDRESS}
        return {**found, **own}

    def _session(self, said: Metadata) -> Session:
        if self._secret is None and self._entry.client_auth != "none":
            raise ProviderFailed("setup", f"there is no secret for `{self._entry.name}` in TOOLMESH_IDENTITY_SECRETS")
        supported = said.token_endpoint_auth_methods_supported or ("client_secret_basic",)
        usual = "client_secret_post" if "client_secret_post" in supported else "client_secret_basic"
        return Session(
            self._http,
            self._entry.client_id,
            self._secret if self._entry.client_auth != "none" else None,
            self._entry.client_auth or usual,
            own=self._own,
            bytes_max=self._bytes_max,
        )

    def _prompt(self, said: Metadata) -> str:
        if said.issuer == _ONLY_SELECTS or "select_account" in (said.prompt_values_supported or ()):
            return "select_account"
        return "login"

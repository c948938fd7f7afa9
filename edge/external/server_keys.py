"""Keys with which authorization servers of others sign (RFC 7517), found by their metadata, and kept (`key_cache`)."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from edge.external.discovery import find_jwks_uri, host_of
from edge.external.token_rules import TokenRefused
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from edge.oauth.jwk_set import is_sound_rsa, public_entries
from edge.oauth.key_cache import KeyCache, KeysNotFetched, NewKeys
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.errors import AuthorizationServerAway
from shared.settings import Settings

log = structlog.get_logger()

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}
_URI_KEPT_S = 3600.0
"""How long the place of a server's keys is believed before its metadata is asked again."""


class ServerKeys:
    """One edge's keys of other servers."""

    def __init__(self, settings: Settings, http: GuardedHttp, now: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._now = now
        self._kept_s = settings.external_keys_s
        self._bytes_max = settings.external_document_bytes_max
        self._cache = KeyCache(retry_s=settings.external_keys_retry_s, stale_s=settings.external_keys_stale_s, now=now)
        self._uris: dict[str, tuple[float, str]] = {}
        """By issuer: until when it is believed, and where its keys are."""

    async def find(self, entry: AuthorizationServerEntry, alg: str, key_id: str | None) -> list[Key]:
        """The keys of a server that may have signed with that algorithm, of that id.

        Raises AuthorizationServerAway where its keys are not known and can't be fetched now, TokenRefused where none fits.
        """
        name = f"{entry.issuer} {entry.jwks_uri or ''}"
        kept = await self._cache.find(name, key_id, lambda: self._fetch(entry), behind_s=self._kept_s)
        if kept.keys is None:
            raise AuthorizationServerAway(
                "The keys of the authorization server that issued the access token can't be fetched now. Try again soon.",
                retry_after_s=self._cache.retry_after_s(kept),
            )
        fitting = [key for key in kept.keys.keys if fits(key, alg) and key_id in (None, key.kid)]
        if not fitting or (key_id is None and len(fitting) > 1):
            raise TokenRefused("The access token is signed with a key that its issuer does not publish.")
        return fitting

    async def _fetch(self, entry: AuthorizationServerEntry) -> NewKeys:
        try:
            uri = entry.jwks_uri or await self._found_uri(entry.issuer)
            own = frozenset({host_of(entry.jwks_uri or entry.issuer)})
            fetched = await self._http.get_json(uri, bytes_max=self._bytes_max, own=own)
        except NotFetched as failed:
            self._uris.pop(entry.issuer, None)
            log.warning("keys of an authorization server not fetched", issuer=entry.issuer, reason=str(failed))
            # Whatever its answer is: that a server which had keys has none is no reason to throw everybody out.
            raise KeysNotFetched(temporary=True) from failed
        keys = verifying_keys(fetched.body)
        if keys is None:
            log.warning("an authorization server publishes no key that can be used", issuer=entry.issuer, jwks_uri=uri)
            raise KeysNotFetched(temporary=True)
        return NewKeys(keys, self._kept_s)

    async def _found_uri(self, issuer: str) -> str:
        until, uri = self._uris.get(issuer, (0.0, ""))
        if until <= self._now():
            uri = await find_jwks_uri(self._http, issuer, bytes_max=self._bytes_max)
            self._uris[issuer] = self._now() + _URI_KEPT_S, uri
        return uri


def verifying_keys(body: bytes) -> KeySet | None:
    """The keys of a set that can verify something; None where there is none, or where the set holds a secret one."""
    keys = [key for entry in public_entries(body) if (key := _key(entry)) is not None]
    return KeySet(keys) if keys else None


def _key(entry: dict[str, Any]) -> Key | None:
    """A key of a kind that is not known is no reason to refuse those beside it (RFC 7517 section 5)."""
    kind = entry.get("kty")
    try:
        if kind == "RSA" and is_sound_rsa(entry):
            return RSAKey.import_key(entry)
        if kind == "EC" and entry.get("crv") in _CURVES.values():
            return ECKey.import_key(entry)
        if kind == "OKP" and entry.get("crv") == "Ed25519":
            return OKPKey.import_key(entry)
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    return None


def fits(key: Key, alg: str) -> bool:
    """Whether a signature of that algorithm can be of that key (RFC 7518 section 3.1), by the key's own word, too."""
    operations = key.get("key_ops", ["verify"])
    if key.get("alg", alg) != alg or not isinstance(operations, list) or "verify" not in operations:
        return False
    return key.get("crv") == _CURVES[alg] if alg in _CURVES else key.key_type == "RSA"

"""Keys with which clients sign their assertions (RFC 7517; `private_key_jwt`): brought by the client, or fetched from its
host."""

import time
from collections.abc import Callable

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from edge.oauth.client_document import DocumentRefused, DocumentRules
from edge.oauth.clients import OAuthClient
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from edge.oauth.jwk_set import is_sound_rsa, public_entries
from edge.oauth.key_cache import KeyCache, KeysNotFetched, NewKeys
from shared.settings import Settings

log = structlog.get_logger()

_KEPT_S_MIN, _KEPT_S, _KEPT_S_MAX = 60, 3600, 24 * 3600
_AGAIN_S = 30
_STALE_S = 24 * 3600


class ClientKeys:
    """One edge's keys of clients."""

    def __init__(self, http: GuardedHttp, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._rules = DocumentRules(settings)
        self._bytes_max = settings.client_keys_bytes_max
        self._cache = KeyCache(retry_s=_AGAIN_S, stale_s=_STALE_S, now=now)

    async def keys_for(self, client: OAuthClient, key_id: str | None) -> KeySet | None:
        """The RSA keys of a client, looked for anew where none has that id. None where it has none that can be used.

        Raises DocumentRefused where its host does not answer now, and its keys are not known from before.
        """
        if client.jwks:
            return key_set(client.jwks)
        if not client.jwks_uri:
            return None
        kept = await self._cache.find(client.jwks_uri, key_id, lambda: self._fetch(client.jwks_uri))
        if kept.keys is None and kept.temporary:
            raise DocumentRefused("The client's keys can't be fetched.", temporary=True)
        return kept.keys

    async def _fetch(self, url: str) -> NewKeys:
        try:
            self._rules.check_url(url)
            fetched = await self._http.get_json(url, bytes_max=self._bytes_max)
        except (NotFetched, DocumentRefused) as failed:
            log.warning("keys of a client not fetched", reason=str(failed))
            raise KeysNotFetched(temporary=failed.temporary) from failed
        said_s = _KEPT_S if fetched.max_age_s is None else fetched.max_age_s
        return NewKeys(key_set(fetched.body), min(max(said_s, _KEPT_S_MIN), _KEPT_S_MAX))


def key_set(body: bytes) -> KeySet | None:
    """The keys of a set that can verify RS256; None where there is none, or where the set holds a private one."""
    fitting = [entry for entry in public_entries(body) if entry.get("kty") == "RSA"]
    strong = [entry for entry in fitting if entry.get("alg", "RS256") == "RS256" and is_sound_rsa(entry)]
    try:
        keys = [RSAKey.import_key(entry) for entry in strong]
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    return KeySet(list(keys)) if keys else None

"""Keys with which clients sign their assertions (RFC 7517; `private_key_jwt`): brought by the client, or fetched from its
host."""

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from edge.oauth.client_document import DocumentRefused, DocumentRules
from edge.oauth.clients import OAuthClient
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from shared.json_text import depth_exceeds
from shared.settings import Settings

log = structlog.get_logger()

_KEPT_MAX = 256
_KEPT_S_MIN, _KEPT_S, _KEPT_S_MAX = 60, 3600, 24 * 3600
_AGAIN_S = 30
"""A key that is not there is looked for again no more often: whoever invents key ids makes us no flood."""
_STALE_S = 24 * 3600
"""How long after they came keys still count while their host does not answer."""
_KEYS_MAX = 32
_BITS_MIN, _BITS_MAX = 2048, 8192
_DEPTH_MAX = 8
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    fetched_at: float
    """When it was last asked for."""
    keys: KeySet | None = None
    good_at: float = 0.0
    """When these keys came."""
    temporary: bool = False
    """Without keys: whether nobody knows, because the host does not answer now."""


class ClientKeys:
    """One edge's keys of clients."""

    def __init__(self, http: GuardedHttp, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._rules = DocumentRules(settings)
        self._bytes_max = settings.client_keys_bytes_max
        self._now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[_Kept]] = {}

    async def keys_for(self, client: OAuthClient, key_id: str | None) -> KeySet | None:
        """The RSA keys of a client, looked for anew where none has that id. None where it has none that can be used.

        Raises DocumentRefused where its host does not answer now, and its keys are not known from before.
        """
        if client.jwks:
            return key_set(client.jwks)
        if not client.jwks_uri:
            return None
        kept = self._kept.get(client.jwks_uri)
        now = self._now()
        if kept is None or kept.until <= now or (not _has(kept.keys, key_id) and now - kept.fetched_at >= _AGAIN_S):
            kept = await self._fetched(client.jwks_uri, kept)
        else:
            self._kept.move_to_end(client.jwks_uri)
        if kept.keys is None and kept.temporary:
            raise DocumentRefused("The client's keys can't be fetched.", temporary=True)
        return kept.keys

    async def _fetched(self, url: str, before: _Kept | None) -> _Kept:
        fetching = self._fetching.get(url)
        if fetching is None:  # of many that ask at once, one fetches
            fetching = self._fetching[url] = asyncio.create_task(self._fetch(url, before))
            fetching.add_done_callback(lambda _: self._fetching.pop(url, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, url: str, before: _Kept | None) -> _Kept:
        now = self._now()
        found = _Kept(now + _AGAIN_S, now)
        try:
            self._rules.check_url(url)
            fetched = await self._http.get_json(url, bytes_max=self._bytes_max)
        except (NotFetched, DocumentRefused) as failed:
            log.warning("keys of a client not fetched", reason=str(failed))
            if failed.temporary and before is not None and before.keys is not None and now < before.good_at + _STALE_S:
                found = _Kept(now + _AGAIN_S, now, before.keys, before.good_at)
            else:
                found = _Kept(now + _AGAIN_S, now, temporary=failed.temporary)
        else:
            if (keys := key_set(fetched.body)) is not None:
                said_s = _KEPT_S if fetched.max_age_s is None else fetched.max_age_s
                found = _Kept(now + min(max(said_s, _KEPT_S_MIN), _KEPT_S_MAX), now, keys, now)
        self._kept[url] = found
        self._kept.move_to_end(url)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return found


def _has(keys: KeySet | None, key_id: str | None) -> bool:
    return keys is not None and (key_id is None or any(key.kid == key_id for key in keys.keys))


def key_set(body: bytes) -> KeySet | None:
    """The keys of a set that can verify RS256; None where there is none, or where the set holds a private one."""
    if depth_exceeds(body, _DEPTH_MAX):
        return None
    try:
        said: Any = msgspec.json.decode(body)
        entries = said["keys"]
        if not isinstance(entries, list) or any(not isinstance(e, dict) or _PRIVATE & e.keys() for e in entries):
            return None
        fitting = [e for e in entries[:_KEYS_MAX] if e.get("kty") == "RSA" and e.get("use", "sig") == "sig"]
        strong = [e for e in fitting if e.get("alg", "RS256") == "RS256" and _BITS_MIN <= _bits(e["n"]) <= _BITS_MAX]
        keys = [RSAKey.import_key(entry) for entry in strong]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, JoseError, KeyError, TypeError, ValueError):
        return None
    return KeySet(list(keys)) if keys else None


def _bits(modulus: str) -> int:
    """Looked at beforehand: the library warns of a short one, and a very long one takes its time."""
    return int.from_bytes(base64.urlsafe_b64decode(modulus + "==")).bit_length()

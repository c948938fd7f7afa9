"""Client ID Metadata Documents: fetched when they are asked for, and kept for as long as they may be."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from edge.oauth.client_document import DocumentRefused, DocumentRules
from edge.oauth.clients import OAuthClient
from edge.oauth.flood import Flood
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from shared.settings import Settings

log = structlog.get_logger()

_KEPT_MAX = 256
_KEPT_S_MIN, _KEPT_S, _KEPT_S_MAX = 60, 3600, 24 * 3600
_REFUSED_S = 30
_STALE_S = 48 * 3600
"""How long after it was fetched a document still counts while its host can't say: its clients stay connected meanwhile."""
_HOST_PER_MIN_MAX = 30
"""Fetches from one host: whoever names many URLs there makes us no flood."""
_NOT_FETCHED = "The client's metadata document can't be fetched."


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    client: OAuthClient | None = None
    fetched_at: float = 0.0
    """Of the client's document."""
    refused: str = ""
    """In place of a client: why there is none."""
    temporary: bool = False


class ClientDocuments:
    """One edge's documents."""

    def __init__(self, http: GuardedHttp, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._rules = DocumentRules(settings)
        self._bytes_max = settings.client_document_bytes_max
        self._now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[_Kept]] = {}
        self._by_address = Flood(settings.client_documents_per_min_max, now)
        self._by_host = Flood(_HOST_PER_MIN_MAX, now)

    async def find(self, url: str, *, asked_by: str) -> OAuthClient:
        """The client whose id that URL is. Raises DocumentRefused."""
        host = self._rules.check_url(url)
        kept = self._kept.get(url)
        if kept is not None and kept.until > self._now():
            self._kept.move_to_end(url)
        else:
            kept = await self._fetched(url, host, kept, asked_by)
        if kept.client is None:
            raise DocumentRefused(kept.refused, temporary=kept.temporary)
        return kept.client

    async def _fetched(self, url: str, host: str, before: _Kept | None, asked_by: str) -> _Kept:
        fetching = self._fetching.get(url)
        if fetching is None:
            if wait_s := max(self._by_address.wait_s(asked_by), self._by_host.wait_s(host)):
                if before is not None and self._still_counts(before):
                    return before
                raise DocumentRefused("Too many clients' documents were asked for. Try again soon.", retry_after_s=wait_s)
            self._by_address.add(asked_by)
            self._by_host.add(host)
            fetching = self._fetching[url] = asyncio.create_task(self._fetch(url, host, before))
            fetching.add_done_callback(lambda _: self._fetching.pop(url, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, url: str, host: str, before: _Kept | None) -> _Kept:
        now = self._now()
        try:
            fetched = await self._http.get_json(url, bytes_max=self._bytes_max)
            client = self._rules.read(url, host, fetched.body)
        except NotFetched as failed:
            log.warning("client document not fetched", host=host, reason=str(failed))
            if failed.temporary and before is not None and self._still_counts(before):
                found = _Kept(now + _REFUSED_S, before.client, before.fetched_at)
            else:
                found = _Kept(now + _REFUSED_S, refused=_NOT_FETCHED, temporary=failed.temporary)
        except DocumentRefused as refused:
            log.warning("client document refused", host=host, reason=refused.public)
            found = _Kept(now + _REFUSED_S, refused=refused.public)
        else:
            kept_s = _KEPT_S if fetched.max_age_s is None else fetched.max_age_s
            found = _Kept(now + min(max(kept_s, _KEPT_S_MIN), _KEPT_S_MAX), client, now)
        self._kept[url] = found
        self._kept.move_to_end(url)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    def _still_counts(self, kept: _Kept) -> bool:
        return kept.client is not None and self._now() < kept.fetched_at + _STALE_S

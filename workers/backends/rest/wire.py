"""HTTP of one REST backend: whole answers, within their limits, with what is ours taken out of them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import aiohttp
from multidict import CIMultiDict

from shared.configuration import BackendEntry
from shared.durations import parse_duration
from shared.errors import ConfigurationError, UpstreamTimeout
from shared.settings import Settings
from workers.backends.rest.answer import Answer
from workers.backends.rest.response.streaming import Collected, Streaming, collect
from workers.backends.rest.response.text import media_type_of, wide_encoding
from workers.egress.body import Body
from workers.egress.egress import Egress
from workers.egress.outgoing import Outgoing

_HEADERS = {"Accept-Encoding": "gzip, deflate", "User-Agent": "toolmesh"}


class Wire:
    """Sends requests that are authenticated already."""

    def __init__(self, entry: BackendEntry, settings: Settings, mask: Callable[[bytes], bytes]) -> None:
        """`mask` takes our credentials out of what an upstream said. Raises ConfigurationError for a `streaming_timeout`
        that is no duration."""
        self._entry = entry
        self._settings = settings
        self._mask = mask
        self._streaming_s = _streaming_s(entry)
        self._egress = Egress(entry, settings, _HEADERS)

    def open(self) -> None:
        """Get ready; connects to nothing yet. Needs the event loop."""
        self._egress.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._egress.close()

    async def send(
        self,
        outgoing: Outgoing,
        *,
        bytes_max: int | None = None,
        within_s: float | None = None,
        redirects_max: int = 0,
        masked: bool = True,
        streaming: Streaming | None = None,
    ) -> Answer:
        """Send once and read the whole answer, whatever its status.

        `bytes_max`: of the decompressed body, the setting's where it is None; `within_s`: for all of it; `masked`: False
        for who fetches a credential, and lets nobody see the answer; `streaming`: how a successful answer that comes bit by
        bit is read. Raises EgressDenied and UpstreamUnreachable (nothing was sent), UpstreamTimeout, UpstreamTooLarge,
        UpstreamBadResponse.
        """
        try:
            async with asyncio.timeout(within_s) as limit:
                if redirects_max:
                    response = await self._egress.follow(outgoing, redirects_max)
                else:
                    response = await self._egress.send(outgoing)  # a redirect is an answer as any other
                try:
                    if streaming is not None and 200 <= response.status < 300:
                        answer = await self._stream(response, streaming, limit.when())
                    else:
                        answer = await self._read(response, bytes_max or self._settings.upstream_answer_bytes_max, masked)
                finally:
                    response.release()
                strange = redirects_max > 0 and answer.url.origin() != outgoing.url.origin()
                return replace(answer, strange=True) if strange else answer
        except TimeoutError:
            raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in {within_s:g} s.") from None

    async def _read(self, response: aiohttp.ClientResponse, bytes_max: int, masked: bool) -> Answer:
        body = Body(response, self._settings, bytes_max=bytes_max, idle_s=self._settings.upstream_idle_s)
        came = await body.read()
        cookies = tuple(response.headers.getall("Set-Cookie", ()))
        if not masked:
            return Answer(status=response.status, headers=response.headers, body=came, url=response.url, cookies=cookies)
        headers = self._without_ours(response.headers)
        content_type = headers.get("Content-Type", "")
        if wide := wide_encoding(came, content_type):
            # Nothing is found in characters of several bytes: it goes on in UTF-8.
            came = came.decode(wide, "replace").removeprefix("\ufeff").encode("utf-8", "replace")
            headers = CIMultiDict(headers)
            headers["Content-Type"] = f"{media_type_of(content_type)}; charset=utf-8"
        return Answer(status=response.status, headers=headers, body=self._mask(came), url=response.url, cookies=cookies)

    async def _stream(self, response: aiohttp.ClientResponse, streaming: Streaming, until: float | None) -> Answer:
        """What came of a stream; it is closed then, and its connection with it. `until`: loop time."""
        collected = Collected(b"")
        headers = CIMultiDict(self._without_ours(response.headers))
        headers["Content-Type"] = "application/json"
        try:
            if streaming.handling == "collect":
                collected = await collect(
                    Body(response, self._settings, bytes_max=None, idle_s=None),
                    content_type=response.headers.get("Content-Type", ""),
                    bytes_max=self._settings.upstream_answer_bytes_max,
                    max_s=streaming.max_s or self._streaming_s,
                    until=until,
                )
        finally:
            response.close()
        return Answer(
            status=response.status,
            headers=headers,
            body=self._mask(collected.body),
            url=response.url,
            note=collected.note,
            cookies=tuple(response.headers.getall("Set-Cookie", ())),
        )

    def _without_ours(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """They are looked at all at once: almost never is there anything in them."""
        together = "\0".join(headers.values()).encode("utf-8", "surrogateescape")
        if self._mask(together) is together:
            return headers
        clean = (self._mask(value.encode("utf-8", "surrogateescape")) for value in headers.values())
        return CIMultiDict(zip(headers, (value.decode("utf-8", "replace") for value in clean), strict=True))


def _streaming_s(entry: BackendEntry) -> float | None:
    """How long a stream is read where its tool does not say; None: as long as the call has."""
    if entry.options.streaming_timeout is None:
        return None
    try:
        return parse_duration(entry.options.streaming_timeout)
    except ValueError:
        raise ConfigurationError(
            f"Backend {entry.name!r}: `options.streaming_timeout` must be a duration such as `30s` or `10m`."
        ) from None

"""HTTP of one REST backend: whole answers, within their limits, with what is ours taken out of them."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
from multidict import CIMultiDict

from shared.configuration import BackendEntry
from shared.errors import UpstreamTimeout
from shared.settings import Settings
from workers.backends.rest.answer import Answer
from workers.egress.body import Body
from workers.egress.egress import Egress
from workers.egress.outgoing import Outgoing

_HEADERS = {"Accept-Encoding": "gzip, deflate", "User-Agent": "toolmesh"}


class Wire:
    """Sends requests that are authenticated already."""

    def __init__(self, entry: BackendEntry, settings: Settings, mask: Callable[[bytes], bytes]) -> None:
        """`mask` takes our credentials out of what an upstream said."""
        self._entry = entry
        self._settings = settings
        self._mask = mask
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
    ) -> Answer:
        """Send once and read the whole answer, whatever its status.

        `bytes_max`: of the decompressed body, the setting's where it is None; `within_s`: for all of it; `masked`: False
        for who fetches a credential, and lets nobody see the answer. Raises EgressDenied and UpstreamUnreachable (nothing
        was sent), UpstreamTimeout, UpstreamTooLarge, UpstreamBadResponse.
        """
        try:
            async with asyncio.timeout(within_s):
                if redirects_max:
                    response = await self._egress.follow(outgoing, redirects_max)
                else:
                    response = await self._egress.send(outgoing)  # a redirect is an answer as any other
                try:
                    return await self._read(response, bytes_max or self._settings.upstream_answer_bytes_max, masked)
                finally:
                    response.release()
        except TimeoutError:
            raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in {within_s:g} s.") from None

    async def _read(self, response: aiohttp.ClientResponse, bytes_max: int, masked: bool) -> Answer:
        body = Body(response, self._settings, bytes_max=bytes_max, idle_s=self._settings.upstream_idle_s)
        came = await body.read()
        return Answer(
            status=response.status,
            headers=self._without_ours(response.headers) if masked else response.headers,
            body=self._mask(came) if masked else came,
            url=response.url,
            cookies=tuple(response.headers.getall("Set-Cookie", ())),
        )

    def _without_ours(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """They are looked at all at once: almost never is there anything in them."""
        together = "\0".join(headers.values()).encode("utf-8", "surrogateescape")
        if self._mask(together) is together:
            return headers
        clean = (self._mask(value.encode("utf-8", "surrogateescape")) for value in headers.values())
        return CIMultiDict(zip(headers, (value.decode("utf-8", "replace") for value in clean), strict=True))

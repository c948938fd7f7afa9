"""HTTP of one REST backend: whole answers, within their limits, with what is ours taken out of them."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

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
        self, outgoing: Outgoing, *, bytes_max: int | None = None, within_s: float | None = None, redirects_max: int = 0
    ) -> Answer:
        """Send once and read the whole answer, whatever its status.

        `bytes_max`: of the decompressed body, the setting's where it is None; `within_s`: for all of it. Raises
        EgressDenied and UpstreamUnreachable (nothing was sent), UpstreamTimeout, UpstreamTooLarge, UpstreamBadResponse.
        """
        try:
            async with asyncio.timeout(within_s):
                response = await self._egress.follow(outgoing, redirects_max)
                try:
                    return await self._read(response, bytes_max or self._settings.upstream_answer_bytes_max)
                finally:
                    response.release()
        except TimeoutError:
            raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in {within_s:g} s.") from None

    async def _read(self, response: aiohttp.ClientResponse, bytes_max: int) -> Answer:
        body = Body(response, self._settings, bytes_max=bytes_max, idle_s=self._settings.upstream_idle_s)
        return Answer(
            status=response.status,
            headers=self._masked(response.headers),
            body=self._mask(await body.read()),
            url=response.url,
        )

    def _masked(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return headers

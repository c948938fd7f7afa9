"""HTTP to one upstream: its credential, over `workers/egress`.

The number of connections is bounded by who calls (`upstream.py` has a slot per connection); what goes beside the calls
(cancels, answers to the upstream's requests, the stream of changes) does not wait behind them.
"""

import asyncio
from collections.abc import Collection, Mapping

import aiohttp
import structlog
import yarl

from shared.configuration import BackendEntry, credential_variable
from shared.errors import ConfigurationError, EgressDenied, UpstreamBadResponse, UpstreamDenied, UpstreamUnreachable
from shared.settings import Settings
from workers.credentials import Credentials
from workers.egress.egress import Egress
from workers.egress.outgoing import Outgoing
from workers.masking import Mask

log = structlog.get_logger()

_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "toolmesh",
}


class Connection:
    """All HTTP of one backend."""

    def __init__(self, entry: BackendEntry, settings: Settings, credentials: Credentials) -> None:
        self._entry = entry
        self._settings = settings
        self._credentials = credentials
        self.url = _endpoint(entry)
        self.mask = Mask(self._secrets)
        """Takes our credential out of what the upstream says."""
        self._egress = Egress(entry, settings, _HEADERS)
        self._running_out: dict[aiohttp.ClientResponse, asyncio.TimerHandle] = {}

    def open(self) -> None:
        """Get ready; connects to nothing yet. Needs the event loop."""
        self._egress.open()

    async def close(self) -> None:
        """Close every connection."""
        for response, timer in list(self._running_out.items()):
            timer.cancel()
            response.close()
        self._running_out.clear()
        await self._egress.close()

    async def post(self, headers: Mapping[str, str], body: bytes, to: yarl.URL | None = None) -> aiohttp.ClientResponse:
        """Send a message; gives the response once its headers are here. The caller closes it.

        `to`: the URL of the same origin that takes messages, where that is not the entry's.

        Raises UpstreamUnreachable, EgressDenied, UpstreamDenied for a missing credential (nothing was sent),
        BrokenConnection or UpstreamBadResponse.
        """
        return await self._request("POST", headers, body, to)

    async def get(self, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Open a stream (2024 and 2025 eras)."""
        return await self._request("GET", headers, None)

    async def delete(self, headers: Mapping[str, str]) -> None:
        """End a session (2025 era)."""
        (await self._request("DELETE", headers, None)).close()

    async def tell(self, headers: Mapping[str, str], body: bytes, to: yarl.URL | None = None) -> None:
        """Send a message that has no answer, within the time for connecting; failures are of no consequence."""
        try:
            async with asyncio.timeout(self._settings.upstream_connect_s):
                (await self.post(headers, body, to)).release()
        except (TimeoutError, UpstreamUnreachable, EgressDenied, UpstreamDenied, UpstreamBadResponse) as cause:
            log.debug("a message was not delivered", backend=self._entry.name, cause=str(cause))

    def let_run_out(self, response: aiohttp.ClientResponse) -> None:
        """Leave a stream alone whose answer is here: when it ends soon, its connection is used again."""
        if response.closed:
            return
        loop = asyncio.get_running_loop()
        self._running_out[response] = loop.call_later(self._settings.upstream_drain_s, self._cut, response)
        response.content.on_eof(lambda: self._forget(response))

    def _cut(self, response: aiohttp.ClientResponse) -> None:
        self._running_out.pop(response, None)
        response.close()

    def _forget(self, response: aiohttp.ClientResponse) -> None:
        timer = self._running_out.pop(response, None)
        if timer is not None:
            timer.cancel()

    async def _request(
        self, method: str, headers: Mapping[str, str], body: bytes | None, to: yarl.URL | None = None
    ) -> aiohttp.ClientResponse:
        return await self._egress.send(
            Outgoing(
                method=method,
                url=to or self.url,
                headers=self._with_credential(headers),
                body=body,
                again=body is None,  # to open a stream or to end a session does nothing that could be done twice
            )
        )

    def _secrets(self) -> Collection[str]:
        name = self._entry.api_key_env
        secret = None if name is None else self._credentials.find(name, self._entry)
        return () if secret is None else (secret.reveal(),)

    def _with_credential(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        name = self._entry.api_key_env
        if name is None:
            return headers
        secret = self._credentials.find(name, self._entry)
        if secret is None:
            variable = credential_variable(name, self._entry)
            raise UpstreamDenied(
                f"Backend {self._entry.name!r} needs a credential that is not there: set {variable} for the worker."
            )
        value = secret.reveal()
        if not (value.isascii() and value.isprintable()):
            raise UpstreamDenied(
                f"The credential of backend {self._entry.name!r} holds characters that no HTTP header can carry."
            )
        return {**headers, "Authorization": f"Bearer {value}"}


def _endpoint(entry: BackendEntry) -> yarl.URL:
    """The entry's URL. Raises ConfigurationError."""
    try:
        url = yarl.URL(entry.url or "")
    except ValueError:
        url = yarl.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            f"Backend {entry.name!r} needs a `url` that starts with http:// or https:// and names a host."
        )
    return url

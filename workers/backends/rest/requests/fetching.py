"""Files that callers name by URL (`file_url`): got before anything is sent to the API, so that each failure is certain.

A caller's URL is a stranger's: its address must be public unless the operator says otherwise (`allow_private_file_url`,
`private_hosts`), its host listed where the operator lists hosts (`file_url_allowed_hosts`); every redirect is looked at in
the same way. No credential goes along.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import yarl

from shared.configuration import BackendEntry
from shared.errors import EgressDenied, MeshError, UpstreamTooLarge, UpstreamUnreachable
from shared.settings import Settings
from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.body_limit import BodyLimit
from workers.backends.rest.requests.data_url import read_data_url
from workers.backends.rest.requests.file import File
from workers.backends.rest.requests.file_names import file_name, media_type
from workers.egress.body import Body
from workers.egress.egress import Egress
from workers.egress.outgoing import Outgoing
from workers.egress.policy import policy_of_files
from workers.egress.redirects import RedirectDenied

_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "toolmesh"}
_URL_CHARS_MAX = 8192


class Files:
    """Those of one backend."""

    def __init__(self, entry: BackendEntry, settings: Settings) -> None:
        """Raises ConfigurationError for an entry whose lists can't be read."""
        self._settings = settings
        self._egress = Egress(entry, settings, _HEADERS, strangers=policy_of_files(entry))
        self._calls = asyncio.Semaphore(settings.upstream_file_calls_max)

    def open(self) -> None:
        """Get ready; connects to nothing yet. Needs the event loop."""
        self._egress.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._egress.close()

    @asynccontextmanager
    async def fetched(
        self, names: tuple[str, ...], arguments: Mapping[str, Any], limit: BodyLimit
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The arguments, with a `File` for the URL of each of those names that is there; all of them within the limit.

        As long as they are held, only so many other calls hold files: that many are in memory. Raises Failed.
        """
        given = [name for name in names if isinstance(arguments.get(name), str)]
        if not given:
            yield arguments
            return
        async with self._calls:
            found = dict(arguments)
            left = limit.bytes_max
            for name in given:
                file = found[name] = await self._fetch(name, arguments[name], left, limit)
                left -= len(file.body)
            yield found

    async def _fetch(self, name: str, url: str, bytes_max: int, limit: BodyLimit) -> File:
        if url[:5].lower() == "data:":
            return _inline(name, url, bytes_max, limit)
        try:
            async with asyncio.timeout(self._settings.upstream_file_s):
                return await self._get(name, _plain(name, url), max(bytes_max, 1))
        except TimeoutError:
            seconds = f"{self._settings.upstream_file_s:g} s"
            raise _unavailable(name, f"did not come within {seconds}. Try again, or give another URL") from None
        except UpstreamTooLarge:
            raise _too_large(name, limit) from None
        except (EgressDenied, RedirectDenied):
            raise Failed(
                "invalid_input",
                f"The file of `{name}` can't be fetched: its URL leads to an address that is not public, or to a host that "
                "the operator does not list. Give a URL that anyone on the internet can open. The worker's log names the "
                "address; the operator can allow it (`file_url_allowed_hosts`, `private_hosts`, `allow_private_file_url`).",
            ) from None
        except UpstreamUnreachable:
            raise _unavailable(name, "can't be fetched: its host does not answer. Look at the URL") from None
        except MeshError as failed:
            raise _unavailable(name, f"did not come whole. {failed.detail} Try again, or give another URL") from None

    async def _get(self, name: str, url: yarl.URL, bytes_max: int) -> File:
        outgoing = Outgoing(method="GET", url=url, strange=True, again=True)
        response = await self._egress.follow(outgoing, self._settings.upstream_file_redirects_max)
        try:
            _check_status(name, response.status)
            return await self._read(name, response, bytes_max)
        finally:
            response.close()

    async def _read(self, name: str, response: aiohttp.ClientResponse, bytes_max: int) -> File:
        body = Body(response, self._settings, bytes_max=bytes_max, idle_s=self._settings.upstream_idle_s)
        return File(
            name=file_name(response.url.raw_path, response.headers.get("Content-Disposition"), name),
            content_type=media_type(response.headers.get("Content-Type")),
            body=await body.read(),
        )


def _plain(name: str, text: str) -> yarl.URL:
    try:
        url = yarl.URL(text) if len(text) <= _URL_CHARS_MAX else yarl.URL()
        if url.scheme in ("http", "https") and url.raw_host and url.user is None and url.password is None:
            return url.with_fragment(None)
    except ValueError:
        pass
    raise Failed(
        "invalid_input",
        f"`{name}` is not the URL of a file. Give one that begins with `https://` or `http://`, without a user in it, of "
        f"{_URL_CHARS_MAX} characters or fewer; or a `data:` URL.",
    )


def _inline(name: str, url: str, bytes_max: int, limit: BodyLimit) -> File:
    try:
        content_type, body = read_data_url(url)
    except ValueError as wrong:
        raise Failed("invalid_input", f"The data URL of `{name}` can't be read: {wrong}.") from None
    if len(body) > bytes_max:
        raise _too_large(name, limit)
    return File(name=name, content_type=media_type(content_type), body=body)


def _check_status(name: str, status: int) -> None:
    if status >= 500 or status == 429:
        raise _unavailable(name, f"can't be fetched: its host answers HTTP {status}. Try again later")
    if not 200 <= status < 300:
        raise Failed(
            "invalid_input",
            f"The file of `{name}` can't be fetched: its host answers HTTP {status}. Give a URL that can be opened without "
            "logging in.",
        )


def _too_large(name: str, limit: BodyLimit) -> Failed:
    return Failed(
        "invalid_input", f"The file of `{name}` is too large: a request may have {limit.reason}. Give a smaller one."
    )


def _unavailable(name: str, what: str) -> Failed:
    return Failed("unavailable", f"The file of `{name}` {what}.", retryable=True)

"""The visit to one server: every request of the doctor goes through here, within its limits.

The server is a stranger. Waits, bodies and requests are bounded, no redirect is followed and no cookie kept. Other hosts
that it names are asked only where they are on the public internet, or the visit is to this machine anyway. The token goes
to the URL that the operator gave, and nowhere else.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec

from toolmesh.doctor.answer import Answer, Unanswered, events_of
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.learned import Learned
from toolmesh.doctor.persona import Persona
from toolmesh.doctor.reachable import check_reachable, host_and_port
from toolmesh.doctor.unanswered import unanswered
from toolmesh.doctor.wanted import Wanted

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
EVENTS: Final = "text/event-stream"
_META: Final = "io.modelcontextprotocol"
T = TypeVar("T")


class Visit:
    """Use it as `async with Visit(…) as visit`."""

    def __init__(
        self,
        url: str,
        persona: Persona,
        wanted: Wanted | None = None,
        *,
        bounds: Bounds | None = None,
        trust: ssl.SSLContext | None = None,
        open_url: Callable[[str], None] = lambda url: None,
    ) -> None:
        """`url`: as the operator typed it, http or https. `trust`: who signs certificates; None: whom this machine trusts,
        or SSL_CERT_FILE names. `open_url`: shows a person the page to log in at."""
        self.url = url
        self.persona = persona
        self.wanted = wanted or Wanted()
        self.bounds = bounds or Bounds()
        self.learned = Learned()
        self.token = self.wanted.token
        self.open_url = open_url
        self.trust = trust or ssl.create_default_context()
        parts = urlsplit(url)
        self.scheme, self.path = parts.scheme, parts.path
        self.host, self.port = host_and_port(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.requests = 0
        self.timeout: asyncio.Timeout | None = None
        """Ends what is being looked at when the visit's time is over."""
        self.waited_s = 0.0
        """How long a person was waited for: that is not of the visit's time."""
        self._http = self._connections()
        self._reachable: set[tuple[str, int]] = {(self.host, self.port)}

    async def __aenter__(self) -> "Visit":
        return self

    async def __aexit__(self, *failed: object) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[None]:
        """What is asked in the block goes over new connections, which nothing else uses."""
        kept, self._http = self._http, self._connections()
        try:
            yield
        finally:
            mine, self._http = self._http, kept
            await mine.aclose()

    async def of_person(self, awaited: Awaitable[T]) -> T:
        """Wait for a person, while the visit's time stands still. Raises TimeoutError after `person_s`."""
        started, timeout = time.monotonic(), self.timeout
        end = timeout.when() if timeout is not None else None
        if timeout is not None:
            timeout.reschedule(None)
        try:
            async with asyncio.timeout(self.bounds.person_s):
                return await awaited
        finally:
            waited_s = time.monotonic() - started
            self.waited_s += waited_s
            if timeout is not None and end is not None:
                timeout.reschedule(end + waited_s)

    def _connections(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=self.trust, trust_env=False, follow_redirects=False, timeout=None)

    async def get(self, url: str, *, accept: str = "application/json", headers: Mapping[str, str] | None = None) -> Answer:
        """GET without a credential. Raises Unanswered."""
        return await self.request("GET", url, headers={"Accept": accept, **(headers or {})})

    async def post_form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST of a form, as to a token endpoint. Raises Unanswered."""
        named = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **(headers or {})}
        return await self.request("POST", url, urlencode(fields).encode(), named)

    async def post_json(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST of JSON, as to a registration endpoint. Raises Unanswered."""
        named = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        return await self.request("POST", url, msgspec.json.encode(body), named)

    async def rpc(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        era: str = MODERN,
        rpc_id: str | int | None = 1,
        token: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """A JSON-RPC request to the URL, as the client that is asked about would send it.

        `era`: MODERN (2026-07-28: envelope in `_meta`, `Mcp-*` headers) or an older version (none of it, and no
        `MCP-Protocol-Version`, as ChatGPT does it). `rpc_id`: None for a notification. `token`: None for no credential.
        `headers`: to add, to change, or with None to leave out. Of a stream what comes up to the answer is read. Raises
        Unanswered.
        """
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if rpc_id is not None:
            body["id"] = rpc_id
        sent = dict(params or {})
        if era == MODERN:
            sent["_meta"] = {**self.envelope(), **sent.get("_meta", {})}
        if sent or params is not None:
            body["params"] = sent
        named = self.rpc_headers(method, sent, era=era, token=token, changes=headers)
        return await self.post_mcp(msgspec.json.encode(body), named, answer_to=rpc_id, timeout_s=timeout_s)

    async def post_mcp(
        self, body: bytes, headers: Mapping[str, str], *, answer_to: str | int | None = None, timeout_s: float | None = None
    ) -> Answer:
        """POST of anything to the URL. A stream is read up to the answer to `answer_to`. Raises Unanswered."""

        def is_enough(raw: bytes) -> bool:
            return any(isinstance(each, dict) and each.get("id") == answer_to for each in events_of(raw))

        return await self.request("POST", self.url, body, headers, is_enough=is_enough, timeout_s=timeout_s)

    def rpc_headers(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        era: str = MODERN,
        token: str | None = None,
        changes: Mapping[str, str | None] | None = None,
    ) -> dict[str, str]:
        """The headers of a request to the URL."""
        named: dict[str, str | None] = {
            "Content-Type": "application/json",
            "Accept": f"application/json, {EVENTS}",
        }
        if era == MODERN:
            name = (params or {}).get("name", (params or {}).get("uri"))
            named |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            named |= {"Mcp-Name": name} if isinstance(name, str) else {}
        if token:
            named["Authorization"] = f"Bearer {token}"
        named |= changes or {}
        return {name: value for name, value in named.items() if value is not None}

    def envelope(self) -> dict[str, Any]:
        """`_meta` of a request of 2026-07-28."""
        return {
            f"{_META}/protocolVersion": MODERN,
            f"{_META}/clientInfo": dict(self.persona.info),
            f"{_META}/clientCapabilities": dict(self.persona.capabilities),
        }

    def initialize(self) -> dict[str, Any]:
        """Params of `initialize` of the older era."""
        return {
            "protocolVersion": LEGACY,
            "capabilities": dict(self.persona.capabilities),
            "clientInfo": dict(self.persona.info),
        }

    async def request(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_enough: Callable[[bytes], bool] | None = None,
        timeout_s: float | None = None,
        read: bool = True,
    ) -> Answer:
        """One request, one answer: nothing is followed. `is_enough`: whether what was read of an event stream is all that
        is wanted; without it only the headers of a stream are read. Raises Unanswered."""
        started = time.monotonic()
        async with self.stream(method, url, body, headers, timeout_s=timeout_s) as response:
            first_byte_s = time.monotonic() - started
            is_stream = response.headers.get("content-type", "").lower().startswith(EVENTS)
            found, cut = b"", False
            if read and (is_enough is not None or not is_stream):
                found, cut = await self._body(response, is_enough if is_stream else None)
            return Answer(
                method=method,
                url=url,
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                cookies=tuple(response.headers.get_list("set-cookie")),
                body=found,
                cut=cut,
                took_s=time.monotonic() - started,
                first_byte_s=first_byte_s,
                http_version=response.http_version,
            )

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> AsyncIterator[httpx2.Response]:
        """An answer that is read as it comes, within `timeout_s` from the request to the end of the block. Whatever goes
        wrong with the connection meanwhile becomes Unanswered. Nothing bounds what the block reads: see to it there."""
        what = f"{method} {url}"
        self.requests += 1
        if self.requests > self.bounds.requests_max:
            raise Unanswered(f"{what}: not sent, for {self.bounds.requests_max} requests were sent already", "bound")
        named = {"User-Agent": self.persona.user_agent, "Accept-Encoding": "identity", **(headers or {})}
        try:
            self._check_credential(url, named)
            async with asyncio.timeout(timeout_s or self.bounds.request_s):
                await self._check_reachable(url)
                async with self._http.stream(method, url, content=body, headers=named) as response:
                    yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, UnicodeError) as error:
            raise unanswered(error, what) from error
        finally:
            self._http.cookies.clear()

    async def _body(self, response: httpx2.Response, is_enough: Callable[[bytes], bool] | None) -> tuple[bytes, bool]:
        found = bytearray()
        # Raw: what is compressed although nobody asked for it can't become larger than what came.
        async for chunk in response.aiter_raw():
            found += chunk
            if len(found) > self.bounds.body_bytes_max:
                return bytes(found[: self.bounds.body_bytes_max]), True
            if is_enough is not None and is_enough(bytes(found)):
                break
        return bytes(found), False

    def _check_credential(self, url: str, headers: Mapping[str, str]) -> None:
        """The token goes to the operator's URL alone, whatever a check would send."""
        if self.token and url != self.url and any(self.token in value for value in headers.values()):
            raise Unanswered(f"{url}: the token is only for {self.url}", "bound")

    async def _check_reachable(self, url: str) -> None:
        """Raises Unanswered for a host of this machine or network, unless the visit is to such a one."""
        where = host_and_port(url)
        if where not in self._reachable:
            await check_reachable(*where, near=self.wanted.local or self.learned.near)
            self._reachable.add(where)

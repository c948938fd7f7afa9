"""All HTTP of one backend: one pool for what its operator wrote, one for what arguments and answers name.

No proxies from the environment, no cookies, no redirects but those that a caller asks for. The number of connections is
bounded by who calls; what goes beside the calls must not wait behind them.
"""

import ssl
from collections.abc import Mapping

import aiohttp
import structlog
import yarl

from shared.configuration import BackendEntry
from shared.errors import EgressDenied, UpstreamUnreachable
from shared.settings import Settings
from workers.egress.connector import Denied, Wall, open_connector
from workers.egress.failures import raise_ours, refuse_denied, send_once
from workers.egress.interim import bounded_response
from workers.egress.lookups import Lookup, Lookups, addresses_of
from workers.egress.outgoing import Outgoing, port_of
from workers.egress.policy import Policy, policy_of_operator, policy_of_strangers
from workers.egress.redirects import RedirectDenied, RedirectRefused, next_request
from workers.egress.tls import tls_context

log = structlog.get_logger()

_READ_BYTES = 64 * 1024
_ONCE = (send_once,)
_AS_IT_LIKES: tuple[aiohttp.ClientMiddlewareType, ...] = ()
"""aiohttp sends a POST once anyway."""


class Egress:
    """Sends requests. Who reads the answer's body does that by `Body`."""

    def __init__(
        self,
        entry: BackendEntry,
        settings: Settings,
        headers: Mapping[str, str],
        lookup: Lookup = addresses_of,
        strangers: Policy | None = None,
    ) -> None:
        """`headers`: of every request; `strangers`: for URLs that are no operator's, where it is another policy than usual.
        Raises ConfigurationError for an entry whose lists can't be read."""
        self._entry = entry
        self._settings = settings
        self._headers = headers
        self._lookup = lookup
        self._operator = policy_of_operator(entry)
        self._strangers = strangers or policy_of_strangers(entry)
        self._lookups: Lookups | None = None
        self._pools: dict[bool, tuple[Wall, aiohttp.ClientSession]] = {}
        """By whether the URL is a stranger's: a connection of one pool was not looked at by the other's rules."""

    def open(self) -> None:
        """Get ready; connects to nothing yet. Needs the event loop."""
        if self._entry.tls_skip_verify:
            log.warning(
                "TLS certificates of this upstream are NOT verified (tls_skip_verify): anyone on the way can read and "
                "change its calls",
                backend=self._entry.name,
            )
        if (self._entry.url or "").startswith("https:"):
            self._tls(False)  # what the machine trusts is read now, and not under the first call
        self._lookups = Lookups(self._settings, self._lookup)

    async def close(self) -> None:
        """Close every connection."""
        for _, session in self._pools.values():
            await session.close()
        self._pools.clear()

    async def send(self, outgoing: Outgoing) -> aiohttp.ClientResponse:
        """Send once, and give the response once its head is here, whatever its status. The caller closes it.

        Raises EgressDenied, UpstreamUnreachable (nothing was sent), BrokenConnection or UpstreamBadResponse.
        """
        strange, url = outgoing.strange, outgoing.url
        wall, session = self._pools.get(strange) or self._open_pool(strange)
        try:
            if strange:
                _check_plain(url)
                _check_listed(url, self._strangers)
            wall.check_literal(url.raw_host or "", port_of(url))
            return await session.request(
                outgoing.method,
                url,
                data=outgoing.data,
                headers=outgoing.headers,
                allow_redirects=False,
                middlewares=_AS_IT_LIKES if outgoing.again or outgoing.method == "POST" else _ONCE,
                ssl=self._tls(strange or outgoing.verified) if url.scheme == "https" else True,
            )
        except Denied as denied:
            refuse_denied(self._entry.name, denied, strange=strange)
        except (aiohttp.ClientError, OSError) as cause:
            raise_ours(cause, self._entry.name, self._settings.upstream_connect_s, strange=strange)

    async def follow(self, outgoing: Outgoing, redirects_max: int) -> aiohttp.ClientResponse:
        """Send, and follow as many redirects (RFC 9110 section 15.4).

        Raises what `send` raises, as long as nothing was sent; then RedirectRefused, RedirectDenied, BrokenConnection or
        UpstreamBadResponse.
        """
        response = await self.send(outgoing)
        for _ in range(redirects_max):
            following = self._following(outgoing, response)
            if following is None:
                return response
            outgoing = following
            try:
                response = await self.send(outgoing)
            except EgressDenied as denied:
                raise RedirectDenied(f"The upstream redirects. {denied.detail}") from denied
            except UpstreamUnreachable as cause:
                raise RedirectRefused("The upstream redirects to a host that can't be reached.") from cause
        if self._following(outgoing, response) is not None:
            raise RedirectRefused(f"Backend {self._entry.name!r} redirects more than {redirects_max} times.")
        return response

    def _following(self, outgoing: Outgoing, response: aiohttp.ClientResponse) -> Outgoing | None:
        """What comes after a response, which is then let go; None where it is the answer. Raises RedirectRefused."""
        following = None
        try:
            following = next_request(outgoing, response.status, response.headers.get("Location"))
        except RedirectRefused:
            response.close()
            raise
        if following is not None:
            response.close()
        return following

    def _tls(self, verified: bool) -> ssl.SSLContext:
        return tls_context(verify=verified or not self._entry.tls_skip_verify)

    def _open_pool(self, strange: bool) -> tuple[Wall, aiohttp.ClientSession]:
        assert self._lookups is not None, "opened before it sends"
        policy = self._strangers if strange else self._operator
        wall = Wall(policy, self._lookups)
        settings = self._settings
        session = aiohttp.ClientSession(
            connector=open_connector(wall, settings.upstream_keepalive_s),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.upstream_connect_s),
            read_bufsize=_READ_BYTES,
            skip_auto_headers=("Content-Type",),  # of a POST without a body it would say what there is not
            auto_decompress=False,
            trust_env=False,
            max_line_size=settings.upstream_header_bytes_max,
            max_field_size=settings.upstream_header_bytes_max,
            max_headers=settings.upstream_headers_max,
            response_class=bounded_response(settings.upstream_interim_max),
        )
        self._pools[strange] = wall, session
        return wall, session


def _check_plain(url: yarl.URL) -> None:
    """Raise Denied for a stranger's URL that is of no kind that is asked."""
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise Denied("the URL is neither http nor https")
    if url.user is not None or url.password is not None:
        raise Denied("the URL has a user or password in it")


def _check_listed(url: yarl.URL, policy: Policy) -> None:
    """Raise Denied for a host that is none of the only ones."""
    if policy.hosts is not None and not policy.hosts.has(url.raw_host or "", port_of(url)):
        raise Denied(f"{url.raw_host} is not listed under `file_url_allowed_hosts`")

"""aiohttp's errors as ours. What callers read names the backend, never an address or host: those are for the log."""

import asyncio
from typing import NoReturn

import aiohttp
import structlog

from shared.errors import EgressDenied, UpstreamBadResponse, UpstreamUnreachable
from workers.egress.connector import Denied
from workers.egress.interim import TooManyInterim
from workers.egress.lookups import NoAddress

log = structlog.get_logger()


class BrokenConnection(UpstreamBadResponse):
    """The connection broke before the first byte of an answer: whether the request was acted on is not known."""


class ConnectionLost(aiohttp.ClientError):
    """As `BrokenConnection`, where aiohttp would otherwise send some requests a second time by itself."""


async def send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware of aiohttp's: nothing is sent again behind our back.

    aiohttp sends a PUT or DELETE again when its connection broke, although it may have been acted on.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as cause:
        raise ConnectionLost from cause


def refuse_denied(backend: str, denied: Denied, *, strange: bool) -> NoReturn:
    """Raise EgressDenied, and tell the operator what it was. `strange`: as of `Outgoing`."""
    log.warning("a request was not sent: its address may not be reached", backend=backend, why=str(denied), strange=strange)
    if strange:
        raise EgressDenied(
            f"A URL for backend {backend!r} leads to an address that is not public, or can't be used, so nothing was sent. "
            "If it is right, its operator can list it under `private_hosts`; the worker's log names it."
        ) from denied
    raise EgressDenied(
        f"The URL of backend {backend!r} leads to an address that is not public, which `allow_private_url: false` forbids; "
        "nothing was sent. The worker's log names it; its operator can list it under `private_hosts`."
    ) from denied


def raise_ours(cause: Exception, backend: str, connect_s: float, *, strange: bool) -> NoReturn:
    """Raise what an error of aiohttp's means, before there was the head of an answer.

    EgressDenied and UpstreamUnreachable (nothing was sent), BrokenConnection, UpstreamBadResponse.
    """
    origin = getattr(cause, "os_error", None)
    if isinstance(origin, Denied):
        refuse_denied(backend, origin, strange=strange)
    if isinstance(cause, aiohttp.InvalidURL) and strange:
        refuse_denied(backend, Denied("the URL's host is none that aiohttp takes"), strange=True)
    if isinstance(cause, aiohttp.InvalidURL):
        raise UpstreamUnreachable(f"The host of backend {backend!r} can't be used; check its `url`.") from cause
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        if isinstance(origin, NoAddress):
            log.debug("a name has no address", backend=backend, why=str(origin), cause=str(origin.__cause__ or ""))
        raise UpstreamUnreachable(_why_unreachable(cause, backend, connect_s)) from cause
    if isinstance(cause, ConnectionLost | aiohttp.ClientConnectionError | OSError):
        raise BrokenConnection("The upstream closed the connection before it answered.") from cause
    if isinstance(cause, TooManyInterim):
        raise UpstreamBadResponse("The upstream sends interim answers (1xx) and does not come to its answer.") from cause
    raise UpstreamBadResponse("The upstream's answer is not HTTP that can be read, or its head is too large.") from cause


def _why_unreachable(cause: Exception, backend: str, connect_s: float) -> str:
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return f"No secure connection to backend {backend!r}: its TLS certificate or handshake is not acceptable."
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return f"The host of backend {backend!r} has no address, or its look-up takes too long; check its `url`."
    if isinstance(cause, aiohttp.ConnectionTimeoutError | asyncio.TimeoutError):
        return f"Backend {backend!r} did not accept a connection in {connect_s:g} s."
    return f"Backend {backend!r} refuses connections; it may be down. Nothing was sent."

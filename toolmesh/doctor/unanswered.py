"""Why there was no answer, in plain words, out of what the HTTP client raises."""

import socket
import ssl
from collections.abc import Iterator

import httpx2

from toolmesh.doctor.answer import Unanswered

_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What TLS says while it waits: where the time is over, that is in the chain too."""


def unanswered(error: Exception, what: str) -> Unanswered:
    """`what`: the request, for instance `POST https://…`."""
    for cause in _chain(error):
        if isinstance(cause, Unanswered):
            return cause
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"{what}: the certificate is not trusted ({cause.verify_message or cause.reason})"
            return Unanswered(why, "tls")
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _WAITING):
            return Unanswered(f"{what}: TLS failed ({cause.reason or type(cause).__name__})", "tls")
        if isinstance(cause, socket.gaierror):
            return Unanswered(f"{what}: the name has no address", "name")
        if isinstance(cause, ConnectionRefusedError):
            return Unanswered(f"{what}: nothing listens there (connection refused)", "refused")
    if isinstance(error, httpx2.ConnectTimeout):
        return Unanswered(f"{what}: no connection in time", "refused")
    if isinstance(error, httpx2.ConnectError):
        return Unanswered(f"{what}: no connection", "refused")
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return Unanswered(f"{what}: no answer in time", "time")
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol | UnicodeError | ValueError):
        return Unanswered(f"{what}: that is not a URL that can be asked", "url")
    return Unanswered(f"{what}: the connection was dropped ({type(error).__name__})", "dropped")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__

"""Why an API did not answer a health check, in the words of DADL 0.2 (health, error_code)."""

from typing import Final, Literal

import aiohttp

from shared.errors import UpstreamTimeout, UpstreamUnreachable

Trouble = Literal["dns_error", "tls_error", "connection_refused", "timeout", "protocol_error"]

TROUBLES: Final[tuple[Trouble, ...]] = ("dns_error", "tls_error", "connection_refused", "timeout", "protocol_error")
_TLS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)


def trouble_of(error: Exception) -> Trouble:
    """Of what sending a request raised."""
    if isinstance(error, TimeoutError | UpstreamTimeout):
        return "timeout"
    if not isinstance(error, UpstreamUnreachable):
        return "protocol_error"
    cause = error.__cause__
    if isinstance(cause, _TLS):
        return "tls_error"
    if isinstance(cause, aiohttp.ClientConnectorDNSError | aiohttp.InvalidURL):
        return "dns_error"
    if isinstance(cause, aiohttp.ConnectionTimeoutError | TimeoutError):
        return "timeout"
    return "connection_refused"

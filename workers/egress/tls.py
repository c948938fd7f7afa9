"""TLS to upstreams: verified, 1.2 or newer. Only an entry's own `tls_skip_verify` takes the look at certificates away."""

import os
import ssl
from functools import lru_cache


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """For connections. Who is trusted is the machine's matter, or that of SSL_CERT_FILE and SSL_CERT_DIR."""
    # To read all that the machine trusts takes tens of milliseconds, so backends share it.
    return _context(verify, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _context(verify: bool, file: str | None, directory: str | None) -> ssl.SSLContext:
    if verify:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(("http/1.1",))
    return context

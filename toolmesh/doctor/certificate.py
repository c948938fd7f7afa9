"""The certificate that a server shows: whether clients trust it, and for how long still."""

import asyncio
import contextlib
import datetime
import ssl
from dataclasses import dataclass

from cryptography import x509

from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.unanswered import unanswered
from toolmesh.doctor.visit import Visit

CHECKS = {
    "url.certificate": "The certificate is of the URL's host, and of an authority that is trusted.",
    "url.expiry": "The certificate does not end soon.",
}
_HANDSHAKE_S = 10.0
_WARN_DAYS, _FAIL_DAYS = 30.0, 14.0
"""For certificates of 90 days and more; of shorter ones a third and a sixth of their life."""
_FULL_CHAIN = (
    "Have the proxy send the whole chain, certificate and intermediate in one file (nginx: `ssl_certificate "
    "fullchain.pem`). Browsers often fetch what is missing; ChatGPT and Claude don't."
)
_AUTHORITY = "Use a certificate of a public authority (Caddy and certbot get one by themselves); agents trust no other."
_RENEW = "Renew it now, and look why that did not happen by itself: the proxy's log, port 80 or the DNS challenge."
_WATCH = "See that it is renewed: most tools do that when a third of its life is left."
_CAUSES = {
    9: ("It is not valid yet", "Set the server's clock right, and have the certificate made again."),
    10: ("It has expired", _RENEW),
    18: ("It signed itself", _AUTHORITY),
    19: ("Its chain ends in an authority that is not trusted", _AUTHORITY),
    20: ("Its chain is not complete, or ends in an authority that is not trusted", _FULL_CHAIN),
    21: ("Its chain is not complete", _FULL_CHAIN),
    62: ("It is for another host", "Get a certificate for the very host of the URL, and have the proxy choose it by SNI."),
    64: ("It is for another host", "Get a certificate for the host of the URL; agents want a name, not an IP address."),
}
"""OpenSSL's verify code → what it means, and what to do (`openssl verify`, DIAGNOSTICS)."""


@dataclass(frozen=True, slots=True)
class _Shown:
    certificate: x509.Certificate
    verify: ssl.SSLCertVerificationError | None


async def check_certificate(visit: Visit, report: Report) -> None:
    """Look at it. Raises Unanswered where there is no TLS to look at."""
    shown = await _shown(visit)
    certificate = shown.certificate
    if shown.verify is not None:
        code, message = shown.verify.verify_code, shown.verify.verify_message
        cause, fix = _CAUSES.get(code, ("It is not trusted", _AUTHORITY))
        report.failed("url.certificate", f"{cause} ({message}). It is {_described(certificate)}.", fix)
        visit.learned.stopped = "Not looked at: no client speaks to a server with such a certificate."
        return
    report.passed("url.certificate", f"The certificate is trusted: {_described(certificate)}.")
    _check_days(certificate, report)


def _check_days(certificate: x509.Certificate, report: Report) -> None:
    now = datetime.datetime.now(datetime.UTC)
    left = (certificate.not_valid_after_utc - now).total_seconds() / 86400
    life = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / 86400
    said = f"The certificate ends in {left:.0f} days, on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if left < min(_FAIL_DAYS, life / 6):
        report.failed("url.expiry", f"{said}: it should have been renewed by now.", _RENEW)
    elif left < min(_WARN_DAYS, life / 3):
        report.warned(
            "url.expiry", f"{said}.", "See that it is renewed: most tools do that when a third of its life is left."
        )
    else:
        report.passed("url.expiry", f"{said}.")


async def _shown(visit: Visit) -> _Shown:
    try:
        return _Shown(await _peer(visit, visit.trust), None)
    except ssl.SSLCertVerificationError as error:
        anyhow = ssl.create_default_context()
        anyhow.check_hostname = False
        anyhow.verify_mode = ssl.CERT_NONE  # only to say what it shows: nothing is sent there
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            return _Shown(await _peer(visit, anyhow), error)
        raise unanswered(error, f"TLS with {visit.host}") from error
    except (OSError, TimeoutError, ValueError) as error:
        raise unanswered(error, f"TLS with {visit.host}:{visit.port}") from error


async def _peer(visit: Visit, context: ssl.SSLContext) -> x509.Certificate:
    async with asyncio.timeout(_HANDSHAKE_S):
        _, writer = await asyncio.open_connection(visit.host, visit.port, ssl=context, server_hostname=visit.host)
        try:
            raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.transport.abort()
    if not raw:
        raise Unanswered("it shows no certificate", "tls")
    return x509.load_der_x509_certificate(raw)


def _described(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(each.value) for each in found if isinstance(each, x509.DNSName | x509.IPAddress)]
    except (x509.ExtensionNotFound, ValueError):
        names = []
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (
        f"for {quoted(', '.join(names[:5]) or 'no name')}, issued by {quoted(certificate.issuer.rfc4514_string())}, "
        f"from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    )

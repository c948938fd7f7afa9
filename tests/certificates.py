"""Certificates for tests: a CA of a test's own, which is trusted by SSL_CERT_FILE, and what it signs."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE_DAYS = 400
_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])


class Authority:
    """The CA; its certificate is the file `ca`."""

    def __init__(self, directory: Path) -> None:
        self.ca = directory / "ca.pem"
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        unsigned = _unsigned(_CA_NAME, self._key.public_key(), -_LIFE_DAYS, _LIFE_DAYS)
        unsigned = unsigned.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        signed = unsigned.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.ca.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        hosts: Sequence[str] = ("localhost", "127.0.0.1"),
        *,
        since_days: float = -1,
        until_days: float = 90,
        trusted: bool = True,
    ) -> Path:
        """Key and certificate of a server in the file `name`.pem. Days count from now; not `trusted`: signed by a key that
        is not the CA's."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        unsigned = _unsigned(subject, key.public_key(), since_days, until_days)
        unsigned = unsigned.add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        signed = unsigned.sign(self._key if trusted else ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._directory / f"{name}.pem"
        file.write_bytes(secret + signed.public_bytes(pem))
        return file


def _unsigned(
    name: x509.Name, public_key: ec.EllipticCurvePublicKey, since_days: float, until_days: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(_CA_NAME).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + datetime.timedelta(days=since_days))
    return builder.not_valid_after(now + datetime.timedelta(days=until_days))


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

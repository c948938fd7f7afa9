"""The client's redirect URI as a real listener, over HTTP or TLS, which may lead the browser on to somewhere else."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.mesh import WAIT_S, wait_until

_DONE = b"<!doctype html><html lang=en><title>Connected</title><h1>You can close this page</h1>"
_PATH = "/callback"


@dataclass
class Target:
    """What came to one listener."""

    origin: str
    onward: str = ""
    """Where a browser is led on to; empty: it is shown a page."""
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def uri(self) -> str:
        """The redirect URI."""
        return f"{self.origin}{_PATH}"

    def answer(self) -> dict[str, str]:
        """The parameters that came, once they came, each of which must stand once."""
        wait_until(lambda: self.queries, "the browser is sent back to the client")
        [query] = self.queries
        assert all(len(values) == 1 for values in query.values()), query
        return {name: values[0] for name, values in query.items()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.target = Target("")
        super().__init__((address, 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != _PATH:
            self.send_error(404)
            return
        target = self.server.target
        target.queries.append(parse_qs(url.query, keep_blank_values=True))
        self.send_response(302 if target.onward else 200)
        self.send_header("location", target.onward) if target.onward else self.send_header("content-type", "text/html")
        self.end_headers()
        if not target.onward:
            self.wfile.write(_DONE)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def listening(
    host: str, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None, onward: str = ""
) -> Iterator[Target]:
    """A listener at `address`, which the browser knows as `host`."""
    with _Server(address, tls) as server:
        scheme = "http" if tls is None else "https"
        server.target = Target(f"{scheme}://{host}:{server.server_address[1]}", onward)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.target
        finally:
            server.shutdown()
            thread.join(WAIT_S)


def has_ipv6() -> bool:
    """Whether this machine has the loopback address ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def _certificate(directory: Path, *hosts: str) -> ssl.SSLContext:
    """A certificate that nobody signed, for these hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "certificate.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@contextmanager
def reached(where: str, directory: Path) -> Iterator[Target]:
    """A listener at a loopback host, or at `https`, which leads the browser on where `on to another site` follows."""
    if not where.startswith("https"):
        with listening(where, address="::1" if where == "[::1]" else "127.0.0.1") as target:
            yield target
        return
    tls = _certificate(directory, "client.example", "next.example")
    with listening("next.example", tls=tls) as further:
        onward = f"{further.uri}?connected=1" if where.endswith("on to another site") else ""
        with listening("client.example", tls=tls, onward=onward) as target:
            yield target
        assert further.queries == ([{"connected": ["1"]}] if onward else [])

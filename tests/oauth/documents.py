"""A host that publishes client metadata documents: a real HTTPS server on loopback, with a certificate of a CA of its own,
which an edge trusts by SSL_CERT_FILE."""

import datetime
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.oauth.person import CALLBACK

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Writes one answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.connections = 0
        self._context = context

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.connections += 1
        # The handshake happens with the first read, in the connection's own thread.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what many tests are about."""


class Documents:
    """The host."""

    def __init__(self, directory: Path) -> None:
        self.ca = directory / "ca.pem"
        certificate = directory / "documents.pem"
        _write_certificates(self.ca, certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.asked: list[str] = []
        """Paths, in the order in which they were asked for."""
        self._answers: dict[str, Answer] = {}
        documents = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                documents.asked.append(self.path)
                documents._answers.get(self.path, _missing)(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = _Server(context, Handler)
        self.port = int(self._server.server_address[1])
        self.host = f"localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How often somebody connected."""
        return self._server.connections

    @property
    def environment(self) -> dict[str, str]:
        """What makes an edge ask this host for documents."""
        return {
            "SSL_CERT_FILE": str(self.ca),
            "TOOLMESH_CLIENT_DOCUMENT_PRIVATE_HOSTS": f"{self.host},127.0.0.1:{self.port}",
            "TOOLMESH_CLIENT_DOCUMENTS_PER_MIN_MAX": "100000",
        }

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"https://{self.host}{path}"

    def answer(self, path: str, answer: Answer) -> str:
        """Have a path answered like that; gives its URL."""
        self._answers[path] = answer
        return self.url(path)

    def put(self, path: str, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> str:
        """Put JSON there, or bytes as they are; gives its URL."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"content-type": "application/json", **(headers or {})}

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in named.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(sent)))
            handler.end_headers()
            handler.wfile.write(sent)

        return self.answer(path, answer)

    def publish(self, path: str, caching: str = "", **changes: Any) -> str:
        """Put a client's document there; gives its client id. `caching`: its Cache-Control. A change to None leaves out."""
        found = {
            "client_id": self.url(path),
            "client_name": "A documented client",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            **changes,
        }
        document = {name: value for name, value in found.items() if value is not None}
        return self.put(path, document, headers={"cache-control": caching} if caching else {})

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return self.asked.count(path)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def documents_host(directory: Path) -> Iterator[Documents]:
    """A host that is there for a while."""
    host = Documents(directory)
    try:
        yield host
    finally:
        host.close()


def _missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def _write_certificates(ca_file: Path, server_file: Path) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])
    now = datetime.datetime.now(datetime.UTC)

    def unsigned(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca_name).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number())
        day = datetime.timedelta(days=1)
        return builder.not_valid_before(now - day).not_valid_after(now + day)

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = unsigned(ca_name, ca_key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(usage, critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    server = unsigned(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), key.public_key())
    server = server.add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server_file.write_bytes(secret + server.sign(ca_key, hashes.SHA256()).public_bytes(pem))

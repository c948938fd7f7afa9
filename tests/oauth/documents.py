"""A host that publishes client metadata documents: a real HTTPS server on loopback, with a certificate of a CA of its own,
which an edge trusts by SSL_CERT_FILE."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import Authority
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
        authority = Authority(directory)
        self.ca = authority.ca
        self.certificate = authority.issue("documents", ["localhost"])
        """Of `localhost`, with its key: another server of the test may show it too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
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

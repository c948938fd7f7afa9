"""An API on a real port that does each thing once for each idempotency key, and answers when the test lets it."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

DADL = """spec: https://dadl.ai/spec/dadl-spec-v0.2
requires: {features: [idempotency]}
backend:
  name: bills
  type: rest
  description: Bills
  auth: {type: apikey, credential: none}
  tools:
    make:
      method: POST
      path: /bills
      access: write
      description: Make a bill
      idempotency: {header: Idempotency-Key}
      params: {for: {type: string, in: body, required: true}}
"""


class KeyedUpstream:
    """Mutable: remembers what it was asked and what it did."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        """Of all requests, in order."""
        self.made: dict[str, str] = {}
        """Key → for whom a bill was made."""
        self.answers = threading.Event()
        """Set: requests are answered; otherwise they are carried out, and hang."""
        self.breaks = False
        """Whether it closes the connection in place of an answer."""
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body: dict[str, Any] = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
                key = self.headers["Idempotency-Key"]
                upstream.keys.append(key)
                known = key in upstream.made
                upstream.made.setdefault(key, body["for"])
                if upstream.breaks:
                    self.close_connection = True
                    return
                if not known:
                    upstream.answers.wait(60)
                answer = msgspec.json.encode({"bill": body["for"], "known": known})
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # its worker was killed
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nothing any more."""
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

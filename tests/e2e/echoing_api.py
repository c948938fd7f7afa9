"""An API that writes back whatever it was sent, as honest answers, failures and broken ones: what debugging servers do."""

import base64
import gzip
import html
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import msgspec

from tests.upstreams.recorder import Recorded, Reply, json_reply


def echoed(request: Recorded) -> str:
    """All that came, but for what says how it came."""
    sent = [value for name, value in request.headers if name.lower() not in ("host", "accept-encoding", "user-agent")]
    return " | ".join([request.target, *sent, request.body.decode("utf-8", "replace")])


def said(request: Recorded) -> bytes:
    """The echo as JSON, in many ways of writing it."""
    text = echoed(request)
    raw = text.encode()
    return msgspec.json.encode(
        {
            "echo": text,
            "rows": [{"each": value} for _, value in request.headers],
            "base64": [base64.b64encode(b"x" * before + raw).decode() for before in range(3)],
            "url_safe": base64.urlsafe_b64encode(raw).decode(),
            "hex": [raw.hex(), raw.hex().upper()],
            "url": [quote(text, safe=""), quote(text), quote(quote(text))],
            "json": json.dumps(json.dumps(text)),
            "html": html.escape(text),
        }
    )


def _with_status(status: int, request: Recorded) -> Reply:
    return Reply(status, said(request))


def _headers(request: Recorded) -> dict[str, str]:
    text = echoed(request).replace("\r", " ").replace("\n", " ")
    return {
        "X-Echo": text,
        "WWW-Authenticate": f'Bearer error="invalid_token", error_description="{text}"',
        "Link": f'</rows?page=2&from={quote(text, safe="")}>; rel="next"',
        "Retry-After": text,
        "Content-Disposition": f'attachment; filename="{text}"',
        "Content-Type": "application/json",
    }


def _redirect(request: Recorded, to: str) -> Reply:
    return Reply(302, said(request), {"Location": f"{to}?{quote(echoed(request), safe='')}"})


def _raw(request: Recorded, head: str, body: bytes = b"") -> bytes:
    text = echoed(request).replace("\r", " ").replace("\n", " ")
    return head.replace("ECHO", text).encode() + body


WAYS: dict[str, Callable[[Recorded], Reply | bytes]] = {
    **{f"s{status}": partial(_with_status, status) for status in (200, 202, 400, 401, 403, 404, 409, 429, 500, 503)},
    "headers": lambda request: Reply(200, said(request), _headers(request)),
    "failed_headers": lambda request: Reply(400, b"", _headers(request)),
    "redirect": lambda request: _redirect(request, "/text"),
    "redirect_away": lambda request: _redirect(request, "https://elsewhere.example/"),
    "gzip": lambda request: Reply(200, gzip.compress(said(request)), {"Content-Encoding": "gzip"}),
    "failed_gzip": lambda request: Reply(500, gzip.compress(said(request)), {"Content-Encoding": "gzip"}),
    "no_gzip": lambda request: Reply(200, said(request), {"Content-Encoding": "gzip"}),
    "brotli": lambda request: Reply(200, said(request), {"Content-Encoding": "br"}),
    "text": lambda request: Reply(200, echoed(request).encode(), {"Content-Type": "text/plain"}),
    "page": lambda request: Reply(500, html.escape(echoed(request)).encode(), {"Content-Type": "text/html"}),
    "wide": lambda request: Reply(200, echoed(request).encode("utf-16"), {"Content-Type": "text/plain; charset=utf-16"}),
    "picture": lambda request: Reply(200, b"\xff\xd8" + echoed(request).encode(), {"Content-Type": "image/jpeg"}),
    "reason": lambda request: _raw(request, "HTTP/1.1 400 ECHO\r\nContent-Length: 0\r\n\r\n"),
    "no_http": lambda request: _raw(request, "ECHO\r\n\r\n"),
    "no_status": lambda request: _raw(request, "HTTP/1.1 ECHO\r\n\r\n"),
    "no_header": lambda request: _raw(request, "HTTP/1.1 200 OK\r\nECHO\r\n\r\n"),
    "odd_header": lambda request: _raw(request, "HTTP/1.1 200 OK\r\nX\x00ECHO: ECHO\r\n\r\n"),
    "no_length": lambda request: _raw(request, "HTTP/1.1 200 OK\r\nContent-Length: ECHO\r\n\r\n"),
    "no_chunk": lambda request: _raw(request, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nECHO\r\n"),
    "cut": lambda request: _raw(request, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", said(request)),
    "nothing": lambda request: b"",
    "lines": lambda request: Reply(
        200, b'{"a":1}\n' + said(request) + b"\n" + echoed(request).encode(), {"Content-Type": "application/x-ndjson"}
    ),
    "events": lambda request: Reply(
        200, b"data: " + echoed(request).encode() + b"\n\n", {"Content-Type": "text/event-stream"}
    ),
    "rows": lambda request: json_reply({"rows": [{"each": value} for _, value in request.headers]}),
}
"""By the last segment of the path that is asked for."""


def answers(request: Recorded) -> Reply | bytes:
    """What it says to a request."""
    way = WAYS.get(request.path.rpartition("/")[2])
    return Reply(404, said(request)) if way is None else way(request)

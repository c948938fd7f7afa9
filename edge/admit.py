"""admit: what can be refused before anything is read (MCP transports, security; RFC 9110)."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from edge.problems import INVALID_REQUEST, Refusal
from shared.settings import Settings

Headers = dict[str, str]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SINGLE = frozenset({"host", "content-length", "content-type", "authorization", "origin", "transfer-encoding"})
_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def read_headers(raw: list[tuple[bytes, bytes]]) -> Headers:
    """Header fields by lower-case name; repeated ones are joined, and those that may stand once are refused (400)."""
    headers: Headers = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
        if name in headers:
            if name in _SINGLE:
                raise Refusal(400, INVALID_REQUEST, f"The header {name} appears more than once.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


class Gate:
    """Who may knock: Host and Origin against DNS rebinding, then the shape of the request."""

    def __init__(self, settings: Settings, public_url: str, port: int) -> None:
        public = urlsplit(public_url)
        self._hosts = {public.netloc.lower(), *(host.lower() for host in settings.allowed_hosts)}
        if settings.host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::"):  # noqa: S104 (a comparison)
            self._hosts |= {f"{name}:{port}" for name in _LOOPBACK}
            if port == 80:
                self._hosts |= _LOOPBACK
        exact = [origin for origin in settings.cors_origins if "*" not in origin]
        self._origins = {origin.lower().rstrip("/") for origin in (*settings.allowed_origins, *exact)}
        self._origins.add(f"{public.scheme}://{public.netloc}".lower())
        self._origin_suffixes = tuple(_suffix(origin) for origin in settings.cors_origins if "*" in origin)
        self._body_bytes_max = settings.body_bytes_max

    def knock(self, headers: Headers) -> None:
        """Refuse a foreign Host (421) or Origin (403). An absent Origin is no browser's."""
        if headers.get("host", "").lower() not in self._hosts:
            raise Refusal(421, INVALID_REQUEST, "This server is not the host that the request names.", code="bad_host")
        origin = headers.get("origin")
        if origin is not None and not self._is_allowed(origin.lower()):
            raise Refusal(403, INVALID_REQUEST, "Requests from this origin are not allowed.", code="bad_origin")

    def _is_allowed(self, origin: str) -> bool:
        if origin in self._origins:
            return True
        scheme, _, host = origin.partition("://")
        return any(scheme == of and host.endswith(suffix) and _HOST.fullmatch(host) for of, suffix in self._origin_suffixes)

    def check_shape(self, method: str, headers: Headers) -> None:
        """Refuse what can't be a JSON-RPC POST: 405, 415, 406, 413."""
        if method != "POST":
            raise Refusal(405, INVALID_REQUEST, "Use POST.", headers=[(b"allow", b"POST")])
        media_type, _, parameters = headers.get("content-type", "").partition(";")
        if media_type.strip().lower() != "application/json" or not _is_utf8(parameters):
            raise Refusal(415, INVALID_REQUEST, "Send the body as Content-Type: application/json in UTF-8.")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Refusal(415, INVALID_REQUEST, "Send the body without Content-Encoding.")
        accepts_json, accepts_stream = accepted(headers)
        if not (accepts_json and accepts_stream):
            raise Refusal(406, INVALID_REQUEST, "Send Accept: application/json, text/event-stream.")
        length = headers.get("content-length")
        if length is not None and not _fits(length, self._body_bytes_max):
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(413, INVALID_REQUEST, f"The body is larger than {self._body_bytes_max} bytes.")

    async def read_body(self, receive: Receive) -> bytes:
        """The whole body, at most as large as it may be (413). Raises Refusal 400 when the client goes away."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Refusal(400, INVALID_REQUEST, "The connection was closed before the body was complete.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._body_bytes_max:
                raise self._too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _suffix(pattern: str) -> tuple[str, str]:
    """Scheme and end of the host of `*.example.com` or `http://*.example.com`; without a scheme it is https."""
    scheme, separator, host = pattern.lower().rpartition("://")
    return (scheme if separator else "https"), host.removeprefix("*")


def accepted(headers: Headers) -> tuple[bool, bool]:
    """Whether Accept allows JSON and event streams (RFC 9110 section 12.5.1, without weights)."""
    accept = headers.get("accept", "")
    if accept == "application/json, text/event-stream":
        return True, True
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    anything = "*/*" in kinds
    return (
        anything or bool(kinds & {"application/json", "application/*"}),
        anything or bool(kinds & {"text/event-stream", "text/*"}),
    )


def _fits(length: str, bytes_max: int) -> bool:
    return length.isascii() and length.isdigit() and len(length) <= 18 and int(length) <= bytes_max


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return False
    return True

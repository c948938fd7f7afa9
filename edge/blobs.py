"""`GET /blobs/<id>`: a file that a tool gave, for who has its URL. What is unknown, expired or forged is a 404 alike.

A file is somebody else's content on our origin: it is never shown as a page of ours, runs nothing and is kept by nobody.
"""

import asyncio
import re

import structlog
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from edge.sessions.event_stream import patient
from shared import rest_keys
from shared.blobs import PATH, Blob, parse_blob_id
from shared.codec import unseal
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings

log = structlog.get_logger()

_PIECE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")
_HARMLESS = re.compile(
    r"image/(png|jpeg|gif|webp|avif|bmp|tiff)|audio/[a-z0-9.+-]{1,40}|video/[a-z0-9.+-]{1,40}|font/[a-z0-9.+-]{1,40}"
    r"|text/(plain|csv)|application/(pdf|json|zip|gzip|x-tar|octet-stream|msword|vnd\.[a-z0-9.-]{1,80})"
)
"""Types that no browser runs; every other one is named `application/octet-stream`."""
_BY_NOBODY = {"cache-control": "private, no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_HEADERS = {**_BY_NOBODY, "content-security-policy": "sandbox; default-src 'none'", "x-robots-tag": "noindex"}


class BlobEndpoint:
    """ASGI application. Hands out a few files at a time: each is in memory as long as its reader takes."""

    def __init__(self, line: RedisLine, ring: KeyRing, settings: Settings) -> None:
        self._line = line
        self._ring = ring
        self._slow_reader_s = settings.slow_reader_s
        self._at_a_time = settings.blob_downloads_max
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in ("GET", "HEAD"):
            await _refusal(405, "method_not_allowed", {"allow": "GET, HEAD"})(scope, receive, send)
        elif self._running >= self._at_a_time:
            await _refusal(503, "overloaded", {"retry-after": "2"})(scope, receive, send)
        else:
            self._running += 1
            try:
                await self._answer(scope, receive, send)
            finally:
                self._running -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            blob = await self._find(scope["path"].removeprefix(PATH))
        except BrokerUnavailable:
            await _refusal(503, "unavailable", {"retry-after": "2"})(scope, receive, send)
            return
        if blob is None:
            await _refusal(404, "not_found", {})(scope, receive, send)
            return
        bounded = patient(send, self._slow_reader_s)
        headers = [(name.encode(), value.encode()) for name, value in _headers_of(blob).items()]
        await bounded({"type": "http.response.start", "status": 200, "headers": headers})
        left = memoryview(b"" if scope["method"] == "HEAD" else blob.body)
        while left:
            piece, left = bytes(left[:_PIECE_BYTES]), left[_PIECE_BYTES:]
            await bounded({"type": "http.response.body", "body": piece, "more_body": True})
        await bounded({"type": "http.response.body", "body": b"", "more_body": False})

    async def _find(self, text: str) -> Blob | None:
        parsed = parse_blob_id(text)
        if parsed is None or parsed[0] not in self._ring.groups:
            return None
        raw = await self._line.cmd("GET", rest_keys.blob(*parsed))
        if raw is None:
            return None
        try:
            blob = await asyncio.to_thread(unseal, self._ring, parsed[0], raw, Blob)
        except ForgedMessage as cause:
            log.warning("a file on the broker is not what it should be", group=parsed[0], cause=str(cause))
            return None
        return blob if blob.digest == parsed[1] else None


def _headers_of(blob: Blob) -> dict[str, str]:
    kind = blob.content_type if _HARMLESS.fullmatch(blob.content_type) else "application/octet-stream"
    name = blob.name if _NAME.fullmatch(blob.name) else "file"
    disposition = f'attachment; filename="{name}"'
    return {**_HEADERS, "content-type": kind, "content-length": str(len(blob.body)), "content-disposition": disposition}


def _refusal(status: int, code: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"error": code}, status, {**_BY_NOBODY, **headers})

"""Files that a backend's tools give: kept on the broker for a while, and had by their URL at any edge."""

import asyncio
import time
from dataclasses import dataclass

from shared import rest_keys
from shared.blobs import PATH, Blob, blob_id, digest_of, new_token
from shared.codec import seal
from shared.configuration import BackendEntry
from shared.durations import parse_duration
from shared.errors import ConfigurationError, MeshError
from shared.functions import fcall
from shared.settings import Settings
from workers.equipment import Equipment

_COUNTED_BYTES_MIN = 64 * 1024
"""As much each counts, so that there are not too many to be counted."""
_INLINE_BYTES = 256 * 1024
"""Larger ones are signed beside the event loop."""


class BlobsFull(MeshError):
    """The backend has as many files as it may."""

    code = "blobs_full"
    retryable = True


@dataclass(frozen=True, slots=True)
class KeptBlob:
    """Where a file is, and until when (Unix time in seconds)."""

    url: str
    expires: float


class Blobs:
    """Those of one backend."""

    def __init__(self, entry: BackendEntry, settings: Settings, equipment: Equipment) -> None:
        """Raises ConfigurationError for an entry with a `blob_ttl` that is no duration."""
        self._group = entry.group
        self._backend = entry.name
        self._line = equipment.line
        self._ring = equipment.ring
        self._bytes_max = settings.blobs_bytes_max
        self._ttl_s = _ttl_s(entry, settings)
        self._ttl_s_max = settings.blob_ttl_s_max
        self._base = (settings.issuer or f"http://127.0.0.1:{settings.port}") + PATH

    async def put(self, body: bytes, content_type: str, name: str, ttl_s: float | None = None) -> KeptBlob:
        """Keep a file. `ttl_s`: None for the backend's. Raises BlobsFull, and BrokerUnavailable."""
        token, kept_s = new_token(), min(ttl_s or self._ttl_s, self._ttl_s_max)
        blob = Blob(digest=digest_of(token), content_type=content_type, name=name, body=body)
        sealed = await self._sealed(blob)
        expires = time.time() + kept_s
        names = (rest_keys.blob(self._group, blob.digest), rest_keys.blobs(self._group, self._backend))
        counted = max(len(body), _COUNTED_BYTES_MIN)
        taken = await fcall(
            self._line, "put_blob", names, sealed, counted, blob.digest, max(round(kept_s * 1000), 1), self._bytes_max
        )
        if not taken:
            raise BlobsFull(
                f"Backend {self._backend!r} keeps as many files as it may ({self._bytes_max} bytes). Try again when some "
                "have expired; its operator can set TOOLMESH_BLOBS_BYTES_MAX.",
                retry_after_s=60,
            )
        return KeptBlob(self._base + blob_id(self._group, token), expires)

    async def _sealed(self, blob: Blob) -> bytes:
        if len(blob.body) <= _INLINE_BYTES:
            return seal(self._ring, self._group, blob)
        return await asyncio.to_thread(seal, self._ring, self._group, blob)


def _ttl_s(entry: BackendEntry, settings: Settings) -> float:
    text = entry.options.blob_ttl
    if text is None:
        return settings.blob_ttl_s
    try:
        return parse_duration(text)
    except ValueError:
        raise ConfigurationError(
            f"Backend {entry.name!r}: `options.blob_ttl` must be a duration such as `30m` or `24h`."
        ) from None

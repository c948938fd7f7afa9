"""`hint:` of a backend: the operator's note to agents, given once to each user with the first result of that backend.

At the endpoint of one backend, which is as the backend is, none is given. Once, as far as the broker remembers: who says it
first, of all edges, says it. Nothing is asked of the broker for a backend without a hint, before a call is put on its
queue, or where this edge knows that it was said.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from redis.exceptions import ResponseError

from edge.discovery.typescript.text import shortened
from shared import keys
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable
from shared.identity import Principal, share_of
from shared.line import RedisLine

log = structlog.get_logger()

HINT_META = "toolmesh/hint"
_CHARS_MAX = 2_000
_REMEMBERED_MAX = 20_000
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_content = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Hints:
    """Of one edge."""

    def __init__(self, entries: Mapping[str, BackendEntry], line: RedisLine, *, ttl_s: float) -> None:
        """`entries`: the edge's configuration, by backend; `ttl_s`: how long it is remembered that a hint was given."""
        self._hints = {
            name: (shortened(hint, _CHARS_MAX), hashlib.sha256(hint.encode()).hexdigest()[:8])
            for name, entry in entries.items()
            if (hint := (entry.hint or "").strip())
        }
        self._line = line
        self._ttl_ms = int(ttl_s * 1000)
        self._said: set[str] = set()

    async def due(self, principal: Principal, backend: str, body: bytes) -> str:
        """The hint to give with a result of a call; empty where there is none, it was given, or the call failed.

        `body`: JSON, the `CallToolResult`. Who gets it here is not given it again, as far as the broker can be reached:
        where it can't, it is left for the next call.
        """
        if backend not in self._hints:
            return ""
        hint, digest = self._hints[backend]
        key = keys.hinted(share_of(principal), backend, digest)
        if key in self._said or not _succeeded(body):
            return ""
        try:
            first = await self._line.cmd("SET", key, b"1", "NX", "PX", self._ttl_ms)
        except (BrokerUnavailable, ResponseError) as cause:
            log.info("hint not given", backend=backend, reason=type(cause).__name__)
            return ""
        if len(self._said) >= _REMEMBERED_MAX:
            self._said.clear()
        self._said.add(key)
        return hint if first is not None else ""


def hint_block(backend: str, hint: str, chars_max: int | None = None) -> dict[str, Any]:
    """As a content block of its own, whose text has so many characters at most."""
    text = f"Note on {backend} from its operator: {hint}"
    return {"type": "text", "text": shortened(text, chars_max or len(text)), "_meta": {HINT_META: backend}}


def with_hint(body: bytes, block: Mapping[str, Any]) -> bytes:
    """A result with that block before its own. `body`: JSON, a `CallToolResult` with content."""
    members: dict[str, Any] = dict(_members.decode(body))
    members["content"] = [block, *_content.decode(members["content"])]
    return _encode(members)


def _succeeded(body: bytes) -> bool:
    """Whether it is the result of a call that did what it was to do."""
    try:
        members = _members.decode(body)
        return bytes(members.get("isError", b"")) != b"true" and isinstance(_content.decode(members["content"]), list)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return False

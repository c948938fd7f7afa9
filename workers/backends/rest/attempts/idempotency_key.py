"""The key by which an API knows a request that it got before (DADL 0.2, idempotency)."""

import hashlib
import uuid
from dataclasses import replace

from workers.backends.rest.request import Request

_PERSON = b"toolmesh-once"


def idempotency_key(call_id: str, ordinal: int) -> str:
    """In the shape of a UUIDv4 (RFC 9562 section 5.4). `ordinal`: which of the call's requests it is.

    It is made of the call's id, which a job keeps when another worker runs it again: so it is the same for all attempts and
    runs, and differs from page to page and call to call.
    """
    digest = hashlib.blake2b(f"{call_id}\0{ordinal}".encode(), digest_size=16, person=_PERSON).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def with_key(request: Request, header: str, call_id: str, ordinal: int) -> Request:
    """The request with its key."""
    others = {name: value for name, value in request.headers.items() if name.lower() != header.lower()}
    return replace(request, headers={**others, header: idempotency_key(call_id, ordinal)})

"""`requestState` of multi round-trip requests (MCP 2026-07-28): what a backend wants back with the client's answers.

The client keeps it and could change it, so it leaves sealed, and is bound to the request that it belongs to: principal,
method, target, arguments, backend, and a time. Any edge opens what another one sealed: they have the same key.
"""

import hashlib
import time

import msgspec
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState

from shared.errors import InvalidParams
from shared.identity import Principal, share_of
from shared.mesh_keys import KeyRing

_SKEW_S = 60


class Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """What is sealed: the backend's own state, or where the call waits that asked."""

    state: str | None = None
    """As the backend gave it; None where it gave none."""
    parked: str = ""
    worker: str = ""


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    issued_s: int
    binding: bytes
    pending: Pending


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Sealed)


class RequestStates:
    """Seals and opens."""

    def __init__(self, ring: KeyRing, ttl_s: float) -> None:
        # The codec derives its own key from each, so the same secret never signs and encrypts.
        self._codec = AESGCMRequestStateCodec(ring.keys_of("edge"))
        self._ttl_s = ttl_s

    def seal(self, pending: Pending, binding: bytes) -> str:
        """An opaque, URL-safe token."""
        sealed = _Sealed(issued_s=int(time.time()), binding=binding, pending=pending)
        return self._codec.seal(_encode(sealed))

    def open(self, token: str, binding: bytes) -> Pending:
        """What was sealed. Raises InvalidParams, which never says why."""
        try:
            sealed = _decoder.decode(self._codec.unseal(token))
        except (InvalidRequestState, msgspec.DecodeError, UnicodeError):
            raise _refused() from None
        age_s = time.time() - sealed.issued_s
        if sealed.binding != binding or not -_SKEW_S <= age_s <= self._ttl_s:
            raise _refused()
        return sealed.pending


def binding_of(principal: Principal, backend: str, method: str, target: str, arguments: bytes) -> bytes:
    """What ties a state to one request: the same for the first sending and the next, different for any other."""
    parts = (share_of(principal), backend, method, target)
    head = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
    return hashlib.sha256(head + arguments).digest()


def _refused() -> InvalidParams:
    return InvalidParams("Invalid or expired requestState", data={"reason": "invalid_request_state"})

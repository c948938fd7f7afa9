"""What a client brings back to read on: the call, the place, and a proof that an edge gave it to this very principal.

A model has to copy it, so it is short: signed under the edges' own key, which all edges have, and not encrypted; it holds
nothing that its client does not know. A changed one, and another principal's, is no cursor at all.
"""

import base64
import hmac

import msgspec

from edge.paging.page import Place
from shared.identity import Principal, share_of
from shared.mesh_keys import KeyRing

_PROOF_BYTES = 16
_CHARS_MAX = 256


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """Where to read on."""

    call: bytes
    """The call's id, as the 16 bytes that it is hex of."""
    backend: str
    piece: int
    at: int
    said_twice: bool
    """Of `Parts`."""

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.call.hex()

    @property
    def place(self) -> Place:
        """Where the page begins."""
        return Place(self.piece, self.at)


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Cursor)


class Cursors:
    """Signs and reads them."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.keys_of("edge")

    def write(self, cursor: Cursor, principal: Principal) -> str:
        """The cursor as it goes to the client: some 70 characters that could stand in a URL."""
        body = _encode(cursor)
        return _text(_proof(self._keys[0], principal, body) + body)

    def read(self, text: str, principal: Principal) -> Cursor | None:
        """The cursor of a text; None for one that no edge gave to this principal."""
        text = text.strip()
        if len(text) > _CHARS_MAX:
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:  # not ASCII, or not base64
            return None
        if _text(raw) != text:
            return None
        proof, body = raw[:_PROOF_BYTES], raw[_PROOF_BYTES:]
        if not any(hmac.compare_digest(proof, _proof(key, principal, body)) for key in self._keys):
            return None
        return _decoder.decode(body)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _proof(key: bytes, principal: Principal, body: bytes) -> bytes:
    return hmac.digest(key, f"toolmesh-page|{share_of(principal)}|".encode() + body, "sha256")[:_PROOF_BYTES]

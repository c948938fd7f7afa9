"""The only encoder of messages: MessagePack inside a signed envelope.

The signature is HMAC-SHA256 over version, group, key id and the whole encoded message; a ring that encrypts puts the
encrypted message in its place (encrypt, then sign). Every ring reads both, so that encryption is switched on role by role.
Sizes are checked before anything is decoded; what comes out is one of the message types of `shared/messages.py`, never a
free-form object.
"""

import hmac
from typing import TypeVar

import msgspec

from shared.blobs import Blob
from shared.catalogue import Catalogue
from shared.cipher import NONCE_BYTES
from shared.errors import ForgedMessage
from shared.grants import (
    AccessToken,
    AuthorizationCode,
    AuthorizationRequest,
    BrowserSession,
    DecidedRequest,
    Family,
    LogInElsewhere,
    RegisteredClient,
)
from shared.handles import Handle
from shared.inner import InnerBody, InnerCancel, InnerRequest, InnerResult, InnerSign, ParentGrant
from shared.listed_names import ListedNames
from shared.mesh_keys import KeyRing
from shared.messages import (
    VERSION,
    Answer,
    Cancel,
    Changed,
    Heartbeat,
    Message,
    Notice,
    Progress,
    Stored,
    ToolCall,
    ToolFailure,
    ToolResult,
    Wanted,
)
from shared.sessions import Posted, Session, SessionQuestion, SessionRequest, Told

ENVELOPE_BYTES_MAX = 16 * 1024 * 1024
"""Largest signed message, in bytes: above the largest request body and the largest upstream answer."""

_FRAME_HEAD_BYTES = 4

AnyMessage = (
    ToolCall
    | Progress
    | Notice
    | ToolResult
    | ToolFailure
    | Stored
    | Cancel
    | Answer
    | Wanted
    | Changed
    | Heartbeat
    | Catalogue
    | Session
    | SessionRequest
    | SessionQuestion
    | Posted
    | Told
    | Handle
    | Blob
    | ListedNames
    | ParentGrant
    | InnerRequest
    | InnerResult
    | InnerBody
    | InnerSign
    | InnerCancel
    | AuthorizationRequest
    | BrowserSession
    | LogInElsewhere
    | DecidedRequest
    | AuthorizationCode
    | AccessToken
    | Family
    | RegisteredClient
)
M = TypeVar("M", bound=Message)


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """The envelope."""

    v: int
    group: str
    key_id: str
    body: bytes
    """The encoded message, or what it was encrypted to."""
    mac: bytes
    nonce: bytes = b""
    """Of the encryption; empty for a body that is not encrypted."""


_encoder = msgspec.msgpack.Encoder()
_envelopes = msgspec.msgpack.Decoder(Signed)
_messages = msgspec.msgpack.Decoder(AnyMessage)


def _mac(key: bytes, group: str, key_id: str, nonce: bytes, body: bytes) -> bytes:
    kind = "toolmesh-encrypted" if nonce else "toolmesh"
    return hmac.digest(key, f"{kind}|{VERSION}|{group}|{key_id}|".encode() + nonce + body, "sha256")


def seal(ring: KeyRing, group: str, message: Message) -> bytes:
    """Encode and sign a message with the group's first key; encrypt it before that, where the ring does."""
    key_id, key = ring.signing(group)
    nonce, body = b"", _encoder.encode(message)
    if ring.encrypts:
        nonce, body = ring.cipher(group, key_id).encrypt(body)
    return _encoder.encode(Signed(VERSION, group, key_id, body, _mac(key, group, key_id, nonce, body), nonce))


def unseal(ring: KeyRing, group: str, raw: bytes, expected: type[M]) -> M:
    """Verify and decode a message that must be of the group and of the expected type.

    Raises ForgedMessage for anything else; nothing of an unverified message is looked at.
    """
    found_group, message = open_envelope(ring, raw)
    if found_group != group:
        raise ForgedMessage(f"the message is signed for group {found_group!r}, not for {group!r}")
    if not isinstance(message, expected):
        raise ForgedMessage(f"expected {expected.__name__}, got {type(message).__name__}")
    return message


def open_envelope(ring: KeyRing, raw: bytes) -> tuple[str, AnyMessage]:
    """Verify and decode a message of any group that the ring has keys of; gives group and message."""
    if len(raw) > ENVELOPE_BYTES_MAX:
        raise ForgedMessage(f"the message has {len(raw)} bytes, more than {ENVELOPE_BYTES_MAX}")
    try:
        envelope = _envelopes.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise ForgedMessage("the message is not a signed envelope") from cause
    if envelope.v != VERSION:
        raise ForgedMessage(f"the envelope has version {envelope.v}, not {VERSION}")
    if len(envelope.nonce) not in (0, NONCE_BYTES):
        raise ForgedMessage(f"the envelope has a nonce of {len(envelope.nonce)} bytes, not {NONCE_BYTES}")
    key = ring.verifying(envelope.group, envelope.key_id)
    if key is None:
        raise ForgedMessage("the envelope names a key that is not in the ring")
    mac = _mac(key, envelope.group, envelope.key_id, envelope.nonce, envelope.body)
    if not hmac.compare_digest(mac, envelope.mac):
        raise ForgedMessage("the signature does not match")
    body = envelope.body
    if envelope.nonce:
        body = ring.cipher(envelope.group, envelope.key_id).decrypt(envelope.nonce, body)
    try:
        message = _messages.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise ForgedMessage("the signed message is not of a known type") from cause
    if message.v != VERSION:
        raise ForgedMessage(f"the message has version {message.v}, not {VERSION}")
    return envelope.group, message


def signed_with(ring: KeyRing, raw: bytes) -> bytes:
    """The key that a message was signed with; of one that was opened before. Raises ForgedMessage."""
    try:
        envelope = _envelopes.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise ForgedMessage("the message is not a signed envelope") from cause
    key = ring.verifying(envelope.group, envelope.key_id)
    if key is None:
        raise ForgedMessage("the envelope names a key that is not in the ring")
    return key


def frame(event: bytes) -> bytes:
    """Prefix an event with its length (4 bytes, big-endian), so that one publish can carry several."""
    return len(event).to_bytes(_FRAME_HEAD_BYTES, "big") + event


def unframe(raw: bytes) -> list[bytes]:
    """Split what came over a channel into its events. Raises ForgedMessage where the lengths do not add up."""
    events: list[bytes] = []
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + _FRAME_HEAD_BYTES], "big")
        at += _FRAME_HEAD_BYTES
        if size == 0 or at + size > len(raw):
            raise ForgedMessage("the frame's length does not match its content")
        events.append(raw[at : at + size])
        at += size
    return events


def pack(value: object) -> bytes:
    """MessagePack of plain values, for arq's job dictionary (which holds nothing but an envelope)."""
    return _encoder.encode(value)


def unpack(raw: bytes) -> dict[str, object]:
    """Inverse of `pack`; arq's tools read jobs with it. Raises msgspec.DecodeError, never runs anything."""
    return msgspec.msgpack.decode(raw, type=dict[str, object])

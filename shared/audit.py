"""The audit record, and the stream that carries it from the roles to the store.

Records ride in the same Redis function that makes them true (dispatch, finish, refuse), so a call can't end without its
record. Arguments are recorded as a digest: what was asked can be proved, not read.
"""

import hashlib
from typing import Literal

import msgspec

from shared.identity import Principal
from shared.messages import ToolCall

Phase = Literal["intent", "outcome", "answered", "late", "denied", "refused", "access", "continued"]


class AuditRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """One event in the life of a call."""

    at_ms: int
    phase: Phase
    """intent: a write is about to happen; outcome: the call is over; answered: an edge answered without knowing the
    outcome, which may still come; late: what a worker learned of a call after another one had to answer for it; denied: an
    edge did not let it in; refused: a worker or an edge threw away a message that was not what it claimed to be; access:
    somebody logged in or allowed a client something, or a client got, renewed or gave up its tokens; continued: a client
    read on in the result of a call that was over."""
    code: str
    """`ok`, `error` (the tool's own), `input_required` (the client is to answer something and ask again), or a slug of
    `shared/errors.py`."""
    role: str
    """Which edge or worker says so."""
    call_id: str = ""
    tenant: str = ""
    subject: str = ""
    caller_id: str = ""
    backend: str = ""
    tool: str = ""
    access: str = ""
    arguments_sha256: str = ""
    duration_ms: int = 0
    fence: int = 0
    detail: str = ""
    method: str = ""
    """Of a call: `tools/call`, or another method of MCP, whose subject (prompt, URI) stands under `tool`."""
    parent: str = ""
    """Id of the call that made this one; empty where a client did."""
    delegated: str = ""
    """The composite under whose authority it was made, since its caller may not use the tool; empty for all others."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AuditRecord)


def encode_record(record: AuditRecord) -> bytes:
    """For the stream."""
    return _encoder.encode(record)


def decode_record(raw: bytes) -> AuditRecord:
    """Inverse of `encode_record`. Raises msgspec.DecodeError."""
    try:
        return _decoder.decode(raw)
    except UnicodeDecodeError as cause:
        raise msgspec.DecodeError("a text of the record is not UTF-8") from cause


def call_record(
    call: ToolCall, phase: Phase, code: str, role: str, at_ms: int, *, duration_ms: int = 0, fence: int = 0
) -> bytes:
    """The record of a call, ready for the stream."""
    return _encoder.encode(
        AuditRecord(
            at_ms=at_ms,
            phase=phase,
            code=code,
            role=role,
            call_id=call.call_id,
            tenant=call.principal.tenant,
            subject=call.principal.subject,
            caller_id=call.principal.caller_id,
            backend=call.backend,
            tool=call.tool,
            access=call.access,
            arguments_sha256=hashlib.sha256(call.arguments).hexdigest()[:32],
            duration_ms=duration_ms,
            fence=fence,
            method=call.method,
            parent=call.parent,
            delegated=call.delegated,
        )
    )


def denied_record(
    code: str, role: str, at_ms: int, principal: Principal | None, tool: str, detail: str, parent: str = ""
) -> bytes:
    """The record of a request that an edge did not let in. `parent`: the call that asked, where no client did."""
    return _encoder.encode(
        AuditRecord(
            at_ms=at_ms,
            phase="denied",
            code=code,
            role=role,
            tenant=principal.tenant if principal else "",
            subject=principal.subject if principal else "",
            caller_id=principal.caller_id if principal else "",
            tool=tool[:128],
            detail=detail[:200],
            parent=parent,
        )
    )


def access_record(code: str, role: str, at_ms: int, tenant: str, subject: str, client_id: str) -> bytes:
    """The record of a step of a log-in. `code`: login, consent, token, refresh, revoked or registered."""
    return _encoder.encode(
        AuditRecord(
            at_ms=at_ms,
            phase="access",
            code=code,
            role=role,
            tenant=tenant,
            subject=subject[:1024],
            caller_id=client_id[:512],
        )
    )


def continued_record(
    role: str, at_ms: int, principal: Principal, *, call_id: str, backend: str, tool: str, detail: str
) -> bytes:
    """The record of a further page of a result. `tool`: by which it was read; `detail`: which part of the result it is."""
    return _encoder.encode(
        AuditRecord(
            at_ms=at_ms,
            phase="continued",
            code="ok",
            role=role,
            call_id=call_id,
            tenant=principal.tenant,
            subject=principal.subject,
            caller_id=principal.caller_id,
            backend=backend,
            tool=tool,
            access="read",
            detail=detail[:200],
            method="tools/call",
        )
    )


def refused_record(kind: str, role: str, at_ms: int, detail: str, *, call_id: str = "", backend: str = "") -> bytes:
    """The record of a forged or replayed message. `kind`: job, result, cancel, catalogue or heartbeat."""
    return _encoder.encode(
        AuditRecord(
            at_ms=at_ms,
            phase="refused",
            code="forged_message",
            role=role,
            call_id=call_id[:128],
            backend=backend,
            tool=kind,
            detail=detail[:200],
        )
    )

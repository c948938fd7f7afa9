"""Audit records: they survive the stream, prove arguments without showing them, and are bounded."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit import AuditRecord, call_record, decode_record, denied_record, encode_record, refused_record
from shared.identity import Principal
from shared.messages import ToolCall

ADA = Principal(tenant="acme", subject="ada", caller_id="laptop")
CALL = ToolCall(
    call_id="c1",
    queue="q",
    backend="bank",
    tool="pay",
    definition="d",
    access="write",
    principal=ADA,
    arguments=b'{"iban":"DE00 canary","secret":"canary"}',
    meta=b'{"note":"canary"}',
    deadline_ms=1,
    reply="e-1",
)


def test_a_call_s_record_says_who_did_what_where() -> None:
    record = decode_record(call_record(CALL, "outcome", "ok", "w-1", 42, duration_ms=7, fence=2))
    assert record == AuditRecord(
        at_ms=42,
        phase="outcome",
        code="ok",
        role="w-1",
        call_id="c1",
        tenant="acme",
        subject="ada",
        caller_id="laptop",
        backend="bank",
        tool="pay",
        access="write",
        arguments_sha256=hashlib.sha256(CALL.arguments).hexdigest()[:32],
        duration_ms=7,
        fence=2,
        method="tools/call",
    )


def test_arguments_and_meta_are_proved_and_not_shown() -> None:
    raw = call_record(CALL, "intent", "ok", "w-1", 42)
    assert b"canary" not in raw
    changed = msgspec.structs.replace(CALL, arguments=CALL.arguments + b" ")
    assert decode_record(call_record(changed, "intent", "ok", "w-1", 42)) != decode_record(raw)


def test_a_denial_without_a_principal_names_nobody() -> None:
    record = decode_record(denied_record("unauthenticated", "e-1", 1, None, "", "The API key is not known."))
    assert (record.phase, record.tenant, record.subject, record.caller_id) == ("denied", "", "", "")


def test_a_denial_names_the_principal_and_the_tool() -> None:
    record = decode_record(denied_record("unknown_tool", "e-1", 1, ADA, "bank_pay", "Unknown tool"))
    assert (record.code, record.tenant, record.subject, record.tool) == ("unknown_tool", "acme", "ada", "bank_pay")


@given(st.text(max_size=3000), st.text(max_size=3000))
def test_what_a_stranger_can_make_us_record_is_bounded(tool: str, detail: str) -> None:
    assert len(denied_record("unknown_tool", "e-1", 1, None, tool, detail)) < 1600
    assert len(refused_record("job", "w-1", 1, detail, call_id=tool)) < 1600


def test_a_refusal_says_what_kind_of_message_it_was() -> None:
    record = decode_record(refused_record("heartbeat", "e-1", 1, "too old"))
    assert (record.phase, record.code, record.tool, record.detail) == ("refused", "forged_message", "heartbeat", "too old")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc0",
        b"\x80",
        b"noise",
        b"\x94\x01\xa6intent\xa2ok\xa1\xff",
        b"\x94\x01\xa4nono\xa2ok\xa1w",
        encode_record(AuditRecord(at_ms=1, phase="denied", code="c", role="r"))[:-1],
        encode_record(AuditRecord(at_ms=1, phase="denied", code="c", role="r")) + b"\xc0",
    ],
)
def test_what_is_no_record_is_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_record(raw)

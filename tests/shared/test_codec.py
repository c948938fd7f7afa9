"""Envelopes: only what was sealed comes out, and of anything else nothing is looked at."""

import json
import pickle
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import Catalogue, ToolDefinition, catalogue_hash, define
from shared.codec import (
    ENVELOPE_BYTES_MAX,
    Signed,
    frame,
    open_envelope,
    pack,
    seal,
    unframe,
    unpack,
    unseal,
)
from shared.errors import ForgedMessage
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from shared.messages import (
    BackendState,
    Cancel,
    Heartbeat,
    Message,
    Progress,
    Stored,
    ToolCall,
    ToolFailure,
    ToolResult,
)

RING = KeyRing({"default": {"k2": b"2" * 32, "k1": b"1" * 32}, "other": {"k1": b"o" * 32}})
CALL = ToolCall(
    call_id="c1",
    queue="arq:queue:default:echo:read",
    backend="echo",
    tool="echo",
    definition="d1",
    access="read",
    principal=Principal(tenant="acme", subject="ada", roles=("admin",)),
    arguments=b'{"message":"hi"}',
    deadline_ms=1_700_000_000_000,
    reply="e-1",
)
TOOLS = (define("echo", "read", b'{"inputSchema":{"type":"object"}}'),)
MESSAGES: list[Message] = [
    CALL,
    Progress(call_id="c1", seq=1, params=b'{"progress":1}'),
    ToolResult(call_id="c1", backend="echo", seq=2, body=b'{"content":[]}'),
    ToolFailure(call_id="c1", backend="echo", seq=2, code="cancelled", detail="gone"),
    Stored(call_id="c1", backend="echo", seq=2),
    Cancel(call_id="c1", backend="echo", at_ms=1),
    Heartbeat(worker="w-1", at_ms=1, backends=(BackendState(name="echo", state="up", catalogue="h"),)),
    Catalogue(backend="echo", at_ms=1, tools=TOOLS, hash=catalogue_hash(TOOLS)),
]


def kind(message: Message) -> str:
    return type(message).__name__


@pytest.mark.parametrize("message", MESSAGES, ids=kind)
def test_what_is_sealed_comes_out_again(message: Message) -> None:
    assert unseal(RING, "default", seal(RING, "default", message), type(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=kind)
def test_a_message_of_another_type_is_refused(message: Message) -> None:
    other = Cancel if not isinstance(message, Cancel) else Heartbeat
    with pytest.raises(ForgedMessage, match="expected"):
        unseal(RING, "default", seal(RING, "default", message), other)


def test_any_byte_changed_to_any_other_is_refused() -> None:
    sealed = seal(RING, "default", CALL)
    accepted = []
    for at, right in enumerate(sealed):
        for wrong in range(256):
            if wrong == right:
                continue
            try:
                open_envelope(RING, sealed[:at] + bytes([wrong]) + sealed[at + 1 :])
            except ForgedMessage:
                continue
            accepted.append((at, wrong))
    assert accepted == []


@pytest.mark.parametrize("message", MESSAGES, ids=kind)
def test_an_envelope_that_is_cut_or_goes_on_is_refused(message: Message) -> None:
    sealed = seal(RING, "default", message)
    for cut in (*(sealed[:end] for end in range(len(sealed))), sealed + b"\xc0", sealed + sealed):
        with pytest.raises(ForgedMessage):
            open_envelope(RING, cut)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_and_never_anything_else(noise: bytes) -> None:
    with pytest.raises(ForgedMessage):
        open_envelope(RING, noise)


def signed(**changes: Any) -> bytes:
    """A right envelope of CALL with some of its members replaced."""
    envelope = msgspec.msgpack.decode(seal(RING, "default", CALL), type=Signed)
    return msgspec.msgpack.encode(msgspec.structs.replace(envelope, **changes))


def resealed(value: object) -> bytes:
    """An envelope with a right signature around what is no message."""
    import hmac

    body = msgspec.msgpack.encode(value)
    mac = hmac.digest(b"2" * 32, b"toolmesh|1|default|k2|" + body, "sha256")
    return msgspec.msgpack.encode(Signed(1, "default", "k2", body, mac))


FOREIGN_BODY = msgspec.msgpack.encode(msgspec.structs.replace(CALL, principal=Principal(subject="eve", owner=True)))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (signed(mac=b""), "signature"),
        (signed(mac=b"\0" * 32), "signature"),
        (signed(mac=b"\0" * 31), "signature"),
        (signed(body=b""), "signature"),
        (signed(body=FOREIGN_BODY), "signature"),
        (signed(group="other", key_id="k1"), "signature"),
        (signed(key_id="k1"), "signature"),
        (signed(key_id="k3"), "ring"),
        (signed(group="nobody"), "ring"),
        (signed(group=""), "ring"),
        (signed(v=2), "version"),
        (signed(v=-1), "version"),
        (resealed(["result", 1]), "known type"),
        (resealed({"tag": "call"}), "known type"),
        (resealed(["nothing", 1]), "known type"),
        (resealed([1]), "known type"),
        (resealed(None), "known type"),
        (resealed(["cancel", 2, "c1", "echo", 1]), "version"),
        (resealed(["cancel", 1, "c1", "echo", 1, "more"]), "known type"),
        (resealed(["cancel", 1, "c1", "echo", "1"]), "known type"),
        (pickle.dumps(("cancel", 1)), "not a signed envelope"),
        (json.dumps([1, "default", "k2", "", ""]).encode(), "not a signed envelope"),
        (b"", "not a signed envelope"),
        (b"\x91" * 100_000, "not a signed envelope"),
    ],
)
def test_a_forged_envelope_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(ForgedMessage, match=why):
        open_envelope(RING, raw)


def test_a_deep_message_under_a_right_signature_is_refused() -> None:
    import hmac

    body = b"\x91" * 100_000
    mac = hmac.digest(b"2" * 32, b"toolmesh|1|default|k2|" + body, "sha256")
    with pytest.raises(ForgedMessage):
        open_envelope(RING, msgspec.msgpack.encode(Signed(1, "default", "k2", body, mac)))


def test_a_message_of_another_group_is_refused_though_the_ring_knows_the_group() -> None:
    with pytest.raises(ForgedMessage, match="'other'"):
        unseal(RING, "default", seal(RING, "other", CALL), ToolCall)


def test_group_and_key_id_cannot_be_shifted_against_each_other() -> None:
    ring = KeyRing({"a": {"b-k": b"x" * 32}, "a-b": {"k": b"x" * 32}})
    envelope = msgspec.msgpack.decode(seal(ring, "a", CALL), type=Signed)
    moved = msgspec.structs.replace(envelope, group="a-b", key_id="k")
    with pytest.raises(ForgedMessage, match="signature"):
        open_envelope(ring, msgspec.msgpack.encode(moved))


def test_an_older_key_of_the_group_still_verifies() -> None:
    old = KeyRing({"default": {"k1": b"1" * 32}})
    assert unseal(RING, "default", seal(old, "default", CALL), ToolCall) == CALL


def test_an_oversized_message_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ForgedMessage, match="more than"):
        open_envelope(RING, b"\x00" * (ENVELOPE_BYTES_MAX + 1))


def test_the_reason_of_a_refusal_never_shows_a_key() -> None:
    texts = []
    for raw in (signed(mac=b"\0" * 32), signed(key_id="k3"), b"noise"):
        with pytest.raises(ForgedMessage) as refused:
            open_envelope(RING, raw)
        texts.append(f"{refused.value.detail} {refused.value!r} {RING!r}")
    assert not any(secret in text for text in texts for secret in ("2222", "1111", "oooo"))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_framed_events_come_apart_as_they_were(events: list[bytes]) -> None:
    assert unframe(b"".join(frame(event) for event in events)) == events


@given(st.binary(max_size=60))
def test_noise_is_either_whole_frames_or_refused(noise: bytes) -> None:
    try:
        events = unframe(noise)
    except ForgedMessage:
        return
    assert b"".join(frame(event) for event in events) == noise
    assert all(events)


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=3), st.data())
def test_frames_that_are_cut_short_never_give_an_event_that_was_not_sent(events: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(frame(event) for event in events)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with suppress(ForgedMessage):
        assert unframe(cut) == events[: len(unframe(cut))]


@pytest.mark.parametrize(
    "payload",
    [pickle.dumps({"f": "call"}), b"\x80\x04.", b"", b"\xc1", b"\x93\x01\x02\x03", b"\x81\x01\x02", b"\x91" * 50_000],
)
def test_a_job_that_is_not_plain_messagepack_of_a_mapping_is_a_decode_error(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        unpack(payload)


def test_a_job_dictionary_survives_packing() -> None:
    job: dict[str, object] = {"t": None, "f": "call", "a": (b"envelope",), "k": {}, "et": 1}
    assert unpack(pack(job)) == {**job, "a": [b"envelope"]}


def test_a_definition_is_part_of_what_is_signed() -> None:
    other: tuple[ToolDefinition, ...] = (define("echo", "write", TOOLS[0].definition),)
    assert catalogue_hash(other) != catalogue_hash(TOOLS)

"""Encrypted envelopes: what was said can't be seen, and only what was sealed comes out."""

import hmac
from itertools import product
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from shared.cipher import NONCE_BYTES
from shared.codec import Signed, open_envelope, seal, unseal
from shared.errors import ForgedMessage
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from shared.messages import Progress, ToolCall, ToolResult

PLAIN = KeyRing({"default": {"k2": b"2" * 32, "k1": b"1" * 32}, "other": {"k2": b"2" * 32}})
RING = PLAIN.encrypting()
CANARY = b"canary"
CALL = ToolCall(
    call_id="c1",
    queue="arq:queue:default:echo:read",
    backend="echo",
    tool="echo",
    definition="d1",
    access="read",
    principal=Principal(tenant="acme", subject="ada", roles=("admin",)),
    arguments=b'{"message":"canary"}',
    deadline_ms=1_700_000_000_000,
    reply="e-1",
)


def envelope(ring: KeyRing = RING, group: str = "default") -> Signed:
    return msgspec.msgpack.decode(seal(ring, group, CALL), type=Signed)


def changed(**members: Any) -> bytes:
    """A right envelope with some of its members replaced, and the signature as it was."""
    return msgspec.msgpack.encode(msgspec.structs.replace(envelope(), **members))


def signed_again(group: str = "default", key_id: str = "k2", **members: Any) -> bytes:
    """The same with a right signature: by somebody who has the group's key, or a defect of ours."""
    new = msgspec.structs.replace(envelope(), group=group, key_id=key_id, **members)
    kind = "toolmesh-encrypted" if new.nonce else "toolmesh"
    key = RING.verifying(group, key_id)
    assert key is not None
    mac = hmac.digest(key, f"{kind}|1|{group}|{key_id}|".encode() + new.nonce + new.body, "sha256")
    return msgspec.msgpack.encode(msgspec.structs.replace(new, mac=mac))


@pytest.mark.parametrize(("sealing", "opening"), list(product([PLAIN, RING], [PLAIN, RING])), ids=repr)
def test_a_ring_reads_what_is_encrypted_and_what_is_not(sealing: KeyRing, opening: KeyRing) -> None:
    assert unseal(opening, "default", seal(sealing, "default", CALL), ToolCall) == CALL


@given(st.binary(max_size=2_000))
def test_any_result_comes_out_as_it_was(body: bytes) -> None:
    result = ToolResult(call_id="c1", backend="echo", seq=1, body=body)
    assert unseal(PLAIN, "default", seal(RING, "default", result), ToolResult) == result


def test_nothing_of_a_message_is_in_its_envelope() -> None:
    assert CANARY in seal(PLAIN, "default", CALL)
    sealed = seal(RING, "default", CALL)
    for words in (CANARY, b"acme", b"ada", b"arq:queue", b"call"):
        assert words not in sealed


def test_no_two_envelopes_of_one_message_are_alike() -> None:
    found = [envelope() for _ in range(200)]
    assert len({e.nonce for e in found}) == len({e.body for e in found}) == 200


def test_an_envelope_that_is_not_encrypted_has_no_nonce_and_one_that_is_has_96_bits() -> None:
    assert envelope(PLAIN).nonce == b""
    assert len(envelope().nonce) == NONCE_BYTES == 12


def test_any_byte_changed_to_any_other_is_refused() -> None:
    sealed = seal(RING, "default", Progress(call_id="c1", seq=1, params=b"{}"))
    for at, wrong in product(range(len(sealed)), range(256)):
        if wrong != sealed[at]:
            with pytest.raises(ForgedMessage):
                open_envelope(RING, sealed[:at] + bytes([wrong]) + sealed[at + 1 :])


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (changed(nonce=b""), "signature"),
        (changed(nonce=b"\0" * 12), "signature"),
        (changed(body=envelope().body), "signature"),
        (changed(body=b""), "signature"),
        (changed(nonce=envelope().nonce, body=envelope().body), "signature"),
        (changed(nonce=b"\0" * 11), "nonce"),
        (changed(nonce=b"\0" * 13), "nonce"),
        (changed(group="other"), "signature"),
        (changed(key_id="k1"), "signature"),
        (signed_again(nonce=b"\0" * 12), "decrypted"),
        (signed_again(body=b""), "decrypted"),
        (signed_again(body=envelope().body[:-1]), "decrypted"),
        (signed_again(body=envelope(PLAIN).body), "decrypted"),
        (signed_again(nonce=b""), "known type"),
    ],
    ids=[str(number) for number in range(14)],  # each run has other bytes
)
def test_a_forged_envelope_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(ForgedMessage, match=why) as refused:
        open_envelope(RING, raw)
    assert "2222" not in f"{refused.value.detail} {refused.value!r} {refused.value.__cause__!r}"


def test_a_byte_can_not_move_between_nonce_and_body() -> None:
    one = envelope()
    moved = msgspec.structs.replace(one, nonce=one.nonce + one.body[:1], body=one.body[1:])
    with pytest.raises(ForgedMessage, match="nonce"):
        open_envelope(RING, msgspec.msgpack.encode(moved))


@pytest.mark.parametrize(("group", "key_id"), [("other", "k2"), ("default", "k1")])
def test_groups_and_keys_encrypt_apart_also_where_their_secret_is_the_same(group: str, key_id: str) -> None:
    with pytest.raises(ForgedMessage, match="decrypted"):
        open_envelope(RING, signed_again(group=group, key_id=key_id))


def test_the_key_that_signs_does_not_encrypt() -> None:
    one = envelope()
    for bound in (b"1|default|k2", b"", None):
        with pytest.raises(Exception, match=r"^$"):
            AESGCM(b"2" * 32).decrypt(one.nonce, one.body, bound)


def test_a_key_is_derived_once() -> None:
    ring = PLAIN.encrypting()
    seal(ring, "default", CALL)
    first = ring.cipher("default", "k2")
    open_envelope(ring, seal(RING, "default", CALL))
    assert ring.cipher("default", "k2") is first
    assert ring.cipher("default", "k1") is not first
    with pytest.raises(KeyError):
        ring.cipher("default", "k3")


def test_an_older_key_of_the_group_still_opens() -> None:
    old = KeyRing({"default": {"k1": b"1" * 32}}, encrypts=True)
    assert unseal(RING, "default", seal(old, "default", CALL), ToolCall) == CALL


def test_an_encrypting_ring_has_the_same_keys_and_shows_none() -> None:
    ring = PLAIN.encrypting()
    assert ring.encrypts
    assert not PLAIN.encrypts
    assert ring.groups == PLAIN.groups
    assert ring.signing("default") == PLAIN.signing("default")
    shown = f"{ring!r} {ring.cipher('default', 'k2')!r} {ring} {vars(type(ring.cipher('default', 'k2')))}"
    assert "default(k2, k1)" in shown
    assert "2222" not in shown

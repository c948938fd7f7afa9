"""`_meta["toolmesh/call"]` of a result: which call it was, and how the same call is found (docs/guarantees.md)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from edge.running import Running

CALL_META = "toolmesh/call"
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def facts_of(running: Running, reattach_s: float) -> dict[str, Any]:
    """What the client may know of its call; of one that can be found again also its key, and for how long after its end."""
    facts: dict[str, Any] = {"callId": running.call.call_id, "attached": running.attached}
    if running.same.how != "none":
        facts |= {"reattachKey": running.same.key.rpartition(":")[2], "reattachS": reattach_s}
    return facts


def with_call(body: bytes, facts: Mapping[str, Any]) -> bytes:
    """A result, with these facts. Raises msgspec.DecodeError for one that is not a JSON object."""
    said = _encode(facts)
    if b'"_meta"' not in body:
        start = body.lstrip()
        if not start.startswith(b"{"):
            raise msgspec.DecodeError("a result is a JSON object")
        rest = start[1:].lstrip()
        comma = b"" if rest.startswith(b"}") else b","
        return b'{"_meta":{"' + CALL_META.encode() + b'":' + said + b"}" + comma + rest
    members: dict[str, Any] = dict(_members.decode(body))
    meta: dict[str, Any] = dict(_members.decode(members["_meta"])) if "_meta" in members else {}
    members["_meta"] = meta | {CALL_META: msgspec.Raw(said)}
    return _encode(members)

"""A job as it lies on the broker, on its queue or set aside as a dead letter: arq's dictionary around a signed call."""

import re

from arq.jobs import DeserializationError, deserialize_job_raw

from shared import keys
from shared.codec import unpack, unseal
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import ToolCall

RETRY = "toolmesh/queue/retry"
"""The method by which the owner has an edge send a dead letter again (docs/operate.md)."""
CALL_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
"""What can be the id of a call, as far as an operator may name one."""


def envelope_of(payload: bytes) -> bytes | None:
    """The one signed envelope that a job holds, unverified; None for what is no job of ours."""
    try:
        name, args, _, _, _ = deserialize_job_raw(payload, deserializer=unpack)
    except DeserializationError:
        return None
    if name != keys.JOB_NAME or not isinstance(args, list | tuple) or len(args) != 1 or not isinstance(args[0], bytes):
        return None
    return args[0]


def open_job(ring: KeyRing, group: str, call_id: str, payload: bytes) -> ToolCall:
    """The call that a job of that name holds. Raises ForgedMessage for one that is not signed for that group and name."""
    envelope = envelope_of(payload)
    if envelope is None:
        raise ForgedMessage("the job is not one of ours: it holds no envelope")
    call = unseal(ring, group, envelope, ToolCall)
    if call.call_id != call_id:
        raise ForgedMessage("the job lies under another call's id")
    return call

"""A job as it lies on the broker, on its queue or set aside as a dead letter: arq's dictionary around a signed call."""

from arq.jobs import DeserializationError, deserialize_job_raw

from shared import keys
from shared.codec import unpack, unseal
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import ToolCall


def open_job(ring: KeyRing, group: str, call_id: str, payload: bytes) -> ToolCall:
    """The call that a job of that name holds. Raises ForgedMessage for one that is not signed for that group and name."""
    try:
        name, args, _, _, _ = deserialize_job_raw(payload, deserializer=unpack)
    except DeserializationError as cause:
        raise ForgedMessage("the job is not one of ours: it can't be read") from cause
    if name != keys.JOB_NAME or not isinstance(args, list | tuple) or len(args) != 1 or not isinstance(args[0], bytes):
        raise ForgedMessage("the job is not one of ours: it holds no envelope")
    call = unseal(ring, group, args[0], ToolCall)
    if call.call_id != call_id:
        raise ForgedMessage("the job lies under another call's id")
    return call

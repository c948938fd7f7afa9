"""How a call ended that has no result: the final message, and what is said of a write whose outcome nobody knows."""

from typing import Any

import msgspec

from shared.errors import MeshError
from shared.messages import ToolCall, ToolFailure


def failure_of(call: ToolCall, seq: int, error: MeshError) -> ToolFailure:
    """The final message of a call that ended with an error."""
    return ToolFailure(
        call_id=call.call_id,
        backend=call.backend,
        seq=seq,
        code=error.code,
        detail=error.detail,
        data=msgspec.json.encode(error.data) if error.data else b"",
    )


def check_of(call: ToolCall) -> dict[str, Any]:
    """Facts for a program: what to look at before anything is repeated."""
    return {
        "check": f"Read back what {call.tool} of {call.backend} was to change, with the arguments of this call, before "
        "you send it again."
    }

"""What is said of a write whose outcome nobody knows."""

from typing import Any

from shared.messages import ToolCall


def check_of(call: ToolCall) -> dict[str, Any]:
    """Facts for a program: what to look at before anything is repeated."""
    return {
        "check": f"Read back what {call.tool} of {call.backend} was to change, with the arguments of this call, before "
        "you send it again."
    }

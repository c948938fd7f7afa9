"""What edges keep of a call that goes on without its connection: behind a handle, or behind a task (MCP extension
`io.modelcontextprotocol/tasks`). Signed with the edges' own key: workers can't forge it."""

from typing import Literal

import msgspec

from shared.messages import Message, ToolCall


class Handle(Message, frozen=True, kw_only=True, tag="handle"):
    """One call that was answered before it was over. The call's id is the handle, and the task's id."""

    call_id: str
    """As the client knows it: the id of the first call behind it."""
    call: ToolCall
    """The call that runs now, its arguments included: a task that needs input goes on as a further call."""
    group: str
    endpoint: str = ""
    """The one backend of the endpoint that it came to; empty for the endpoint of all."""
    reattach: str = ""
    """Key under which the same call is found; empty where it is not."""
    own_key: bool = False
    """Whether that is a key of the client's own: then it is found after it was delivered, too."""
    kind: Literal["handle", "task"] = "handle"
    created_ms: int
    updated_ms: int
    """When the call that runs now was started, or the first one was answered with this."""
    round: int = 0
    """How often it went on with the client's input."""
    responses: dict[str, bytes] = msgspec.field(default_factory=dict)
    """What the client answered so far to what is asked now: JSON by key."""
    cancelled: bool = False

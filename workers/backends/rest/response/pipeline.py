"""What becomes of a content: the steps of a tool's `response`, one after the other. A step that fails is an error."""

import msgspec

from workers.backends.backend import Invocation
from workers.backends.rest.answer import Content
from workers.backends.rest.dadl.tool import Tool
from workers.children.transforms import Transforms

_encode = msgspec.json.Encoder().encode


class Pipeline:
    """The steps of all tools of one backend."""

    def __init__(self, transforms: Transforms) -> None:
        self._transforms = transforms

    async def result(self, content: Content, tool: Tool, invocation: Invocation, override: str | None) -> bytes:
        """The MCP result. `override`: a jq program of the caller's, or None.

        Raises Failed where a step fails, and SandboxBusy, SandboxUnavailable.
        """
        return _encode({"content": [{"type": "text", "text": content.body.decode("utf-8", "replace")}]})

"""Definitions of the edge's own tools, under their bare names."""

from typing import Any

import msgspec

from edge.tool import Tool
from shared.catalogue import define
from shared.messages import CallClass


def own_tool(name: str, definition: dict[str, Any], access: CallClass = "read") -> Tool:
    """One of them. `definition`: an MCP `Tool` but for its name."""
    backend, _, own = name.partition("_")
    described = msgspec.json.encode({**definition, "name": own or name})
    tool = Tool("edge", backend, define(own or name, access, described))
    if tool.name != name:  # one without an underscore
        tool.name = tool.listed["name"] = name
    return tool

"""What the server says of itself: `initialize` (MCP 2025-11-25, "Lifecycle") and `server/discover` (MCP 2026-07-28)."""

from importlib.metadata import version
from typing import Any

import msgspec
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from edge.authorize import Authorizer, Offers
from edge.handles.budget import TASKS
from edge.names import DISCOVER_TOOLS, MESH_MORE, MESH_WAIT
from edge.parse import Message
from edge.shelf import Shelf
from shared.code_mode import EXECUTE_CODE
from shared.errors import InvalidParams
from shared.identity import Principal
from shared.messages import Client

_SERVER_INFO = {"name": "toolmesh", "title": "ToolMesh", "version": version("toolmesh")}
_SERVER_INFO_KEY = "io.modelcontextprotocol/serverInfo"
_LATEST_HANDSHAKE = HANDSHAKE_PROTOCOL_VERSIONS[-1]
_INFO_BYTES_MAX = 8 * 1024
_NAMES = "Tools of several systems under one address; a tool's name starts with the name of its system. "
_FINDING = (
    f"Not all are listed: {DISCOVER_TOOLS}(query) finds them, {EXECUTE_CODE}(code) calls many in one script as "
    "toolmesh.<name>(args). "
)
_CALLS = (
    f'"running" means that a call goes on: get its result with {MESH_WAIT}(call_id), do not make it again. '
    '"outcome_unknown": a change may have happened, look before you repeat it. '
    f"A result that is a page names a cursor: read on with {MESH_MORE}(cursor), nothing is run again."
)
ESSENTIALS = _NAMES + _FINDING + _CALLS
"""What a model has to know. ChatGPT reads instructions, and of long ones at least the first 512 characters."""
_FURTHER = (
    "Arguments are checked against the system's own schema, which may ask for more than the one that is listed: the error "
    "names the place, nothing was run, and the call can be made again. "
    'An error with "retryable": true may pass by itself: try once more after a moment.'
)
_INSTRUCTIONS = f"{ESSENTIALS}\n\n{_FURTHER}"
_WITHOUT_CODE_MODE = f"{_NAMES}{_CALLS}\n\n{_FURTHER}"
_DECLARED: dict[str, dict[str, Any]] = {
    "tools": {"listChanged": True},
    "prompts": {"listChanged": True},
    "resources": {"subscribe": True, "listChanged": True},
    "completions": {},
    "logging": {},
}
"""What is said of a capability that some backend has. Changes are heard of by us, whether the backend tells or not."""


class Introduction:
    """Introduces one edge's view of the mesh."""

    def __init__(self, offers: Offers, authorizer: Authorizer, *, code_mode: bool = True) -> None:
        """`code_mode`: whether there are tools to find others with."""
        self._instructions = _INSTRUCTIONS if code_mode else _WITHOUT_CODE_MODE
        self._offers = offers
        self._authorizer = authorizer

    def initialized(self, principal: Principal, backend: str | None, protocol_version: str) -> dict[str, Any]:
        """An `InitializeResult`."""
        said = self._said(principal, backend)
        return {"protocolVersion": protocol_version, "serverInfo": said.pop("serverInfo"), **said}

    def discovered(self, principal: Principal, backend: str | None) -> dict[str, Any]:
        """A `DiscoverResult`."""
        said = self._said(principal, backend)
        info = said.pop("serverInfo")
        said["capabilities"]["extensions"] = {TASKS: {}}
        return {"supportedVersions": list(MODERN_PROTOCOL_VERSIONS), **said, "_meta": {_SERVER_INFO_KEY: info}}

    def _said(self, principal: Principal, backend: str | None) -> dict[str, Any]:
        shelves = self._shelves(principal, backend)
        has = {name for shelf in shelves for name in shelf.capabilities if name != "resources"}
        with_resources = (shelf.backend for shelf in shelves if "resources" in shelf.capabilities)
        if any(self._authorizer.may_reach(principal, name) for name in with_resources):
            has.add("resources")
        capabilities = {name: dict(said) for name, said in _DECLARED.items() if name in has or name == "tools"}
        instructions = _WITHOUT_CODE_MODE if principal.anonymous else self._instructions
        said = {"capabilities": capabilities, "serverInfo": _SERVER_INFO, "instructions": instructions}
        if backend is not None:
            # One backend, as it is: its own words, and no others.
            del said["instructions"]
            for shelf in shelves:
                said["serverInfo"] = shelf.server_info or _SERVER_INFO
                if shelf.instructions is not None:
                    said["instructions"] = shelf.instructions
        return said

    def _shelves(self, principal: Principal, backend: str | None) -> list[Shelf]:
        return [
            shelf
            for shelf in self._offers.shelves.values()
            if backend in (None, shelf.backend) and self._authorizer.may_enter(principal, shelf.backend)
        ]


def read_hello(message: Message) -> tuple[str, Client]:
    """The version to speak and what the client is, out of an `initialize`. Raises InvalidParams."""
    params = message.params
    asked, capabilities, info = params.get("protocolVersion"), params.get("capabilities"), params.get("clientInfo")
    if not isinstance(asked, str):
        raise InvalidParams("params.protocolVersion must be a string.")
    if not isinstance(capabilities, dict):
        raise InvalidParams("params.capabilities must be an object.")
    if not isinstance(info, dict) or not isinstance(info.get("name"), str) or not isinstance(info.get("version"), str):
        raise InvalidParams("params.clientInfo must be an object with name and version.")
    client = Client(
        asking="stream",
        capabilities=msgspec.json.encode(capabilities),
        info=msgspec.json.encode(info),
        era="legacy",
    )
    if len(client.capabilities) + len(client.info) > _INFO_BYTES_MAX:
        raise InvalidParams(f"params.capabilities and params.clientInfo have more than {_INFO_BYTES_MAX} bytes.")
    return (asked if asked in HANDSHAKE_PROTOCOL_VERSIONS else _LATEST_HANDSHAKE), client

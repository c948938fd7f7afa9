"""The built-in backend, which every mesh has: `echo`, `add`, `time`. It needs nothing, so it tells whether all works."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.catalogue import define
from shared.configuration import BackendEntry
from shared.errors import InvalidArguments, UnknownTool, UpstreamError
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.credentials import Credentials

_encode = msgspec.json.Encoder().encode

_SERVER = b'{"capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}'
_ANNOTATIONS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}


class _Echo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message: str


class _Add(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    a: int | float
    b: int | float


class _Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


_echo_arguments = msgspec.json.Decoder(_Echo)
_add_arguments = msgspec.json.Decoder(_Add)
_time_arguments = msgspec.json.Decoder(_Time)


def _echo(arguments: bytes) -> str:
    return _echo_arguments.decode(arguments).message or "(empty)"


def _add(arguments: bytes) -> str:
    given = _add_arguments.decode(arguments)
    try:
        total = given.a + given.b
    except OverflowError:
        return "out of range"
    if isinstance(total, float) and total.is_integer() and abs(total) < 2**53:
        total = int(total)
    return msgspec.json.encode(total).decode() if isinstance(total, float) else str(total)


def _time(arguments: bytes) -> str:
    _time_arguments.decode(arguments)
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tool(title: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
            "additionalProperties": False,
        },
        "annotations": {"title": title, **_ANNOTATIONS},
    }


_RUN: dict[str, Callable[[bytes], str]] = {"add": _add, "echo": _echo, "time": _time}

_TOOLS = {
    "add": _tool(
        "Add two numbers",
        "Add two numbers and return the sum as text.",
        {
            "a": {"type": "number", "description": "First summand."},
            "b": {"type": "number", "description": "Second summand."},
        },
    ),
    "echo": _tool(
        "Echo a message",
        "Return the message as it is.",
        {"message": {"type": "string", "description": "Text to return."}},
    ),
    "time": _tool("Current time", "Return the current time in UTC (RFC 3339).", {}),
}


class Builtin:
    """Answers on the spot; holds no state."""

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Nothing to get ready."""

    async def list_all(self) -> Offer:
        """The three tools, all of class `read`."""
        tools = tuple(define(name, "read", _encode({"name": name, **tool})) for name, tool in sorted(_TOOLS.items()))
        return Offer(tools=tools, server=_SERVER)

    async def call(self, invocation: Invocation) -> bytes:
        """Run a tool. Raises UnknownTool and InvalidArguments, which the edge has ruled out before."""
        if invocation.method != "tools/call":
            raise UpstreamError("Method not found", data={"error": {"code": -32601, "message": "Method not found"}})
        run = _RUN.get(invocation.tool)
        if run is None:
            raise UnknownTool(f"The built-in backend has no tool {invocation.tool!r}.")
        await invocation.dispatch()
        try:
            text = run(invocation.arguments)
        except msgspec.DecodeError as cause:
            raise InvalidArguments(f"The arguments do not fit the tool: {cause}.") from cause
        return _encode({"content": [{"type": "text", "text": text}], "isError": False})

    async def watch(self, uris: frozenset[str]) -> None:
        """Nothing here changes."""

    async def close(self) -> None:
        """Nothing to let go of."""


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials) -> Builtin:
    """Entry point `echo` of the group `toolmesh.backends`."""
    return Builtin()

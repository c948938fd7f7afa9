"""`toolmesh dadl call`: one call of a tool, as a client makes it. It goes through an edge, since only edges sign."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.errors import ConfigurationError
from shared.yaml_structs import nearest
from toolmesh.console import label, say, say_aside
from toolmesh.dadl.given import arguments_given
from toolmesh.edge_request import EdgeAnswer, EdgeAway, EdgeRequest

_LIST_S = 30.0
_BESIDE_S = 15.0
"""What an edge may take beside the call's own time."""
_PAGES_MAX = 1_000
_SHOWN_MAX = 20
_USAGE = -32602
_AWAY = (
    "Is a mesh running there? `toolmesh up` starts one, `--url` names another, TOOLMESH_PORT is the port that is asked "
    "without it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be called."""

    backend: str
    tool: str
    words: Sequence[str]
    """As they are typed."""
    known: Iterable[str]
    """Backends of the configuration here, to guess by."""

    @property
    def endpoint(self) -> str:
        """Where the backend has its own names."""
        return f"/mcp/b/{self.backend}"


def run_call(edge: EdgeRequest, call: Call, *, timeout_s: float, as_json: bool) -> int:
    """Call and print. Gives 0, or 1 for a call that failed. Raises ConfigurationError, which is exit code 2, for what can't
    be called so."""
    try:
        tool = _find(edge, call)
        params = {"name": call.tool, "arguments": arguments_given(call.words, tool.get("inputSchema") or {})}
        answer = edge.send("tools/call", params, name=call.tool, endpoint=call.endpoint, timeout_s=timeout_s + _BESIDE_S)
    except EdgeAway as away:
        raise ConfigurationError(f"{away.detail} {_AWAY}") from away
    result = _result(answer, call)
    if result is None:
        label("error", "red", str(answer.message["error"]["message"]))
        return 1
    if as_json:
        say(msgspec.json.encode(result).decode())
    else:
        _show(result)
    return 1 if result.get("isError") is True else 0


def _find(edge: EdgeRequest, call: Call) -> dict[str, Any]:
    """The tool as it is listed. Raises ConfigurationError."""
    names: list[str] = []
    cursor: str | None = None
    for _ in range(_PAGES_MAX):
        page = edge.send("tools/list", {"cursor": cursor} if cursor else {}, endpoint=call.endpoint, timeout_s=_LIST_S)
        result = _result(page, call)
        if result is None:
            raise ConfigurationError(str(page.message["error"]["message"]))
        for tool in result.get("tools", ()):
            if tool["name"] == call.tool:
                return dict(tool)
            names.append(tool["name"])
        cursor = result.get("nextCursor")
        if not cursor:
            break
    shown = ", ".join(names[:_SHOWN_MAX]) + (", …" if len(names) > _SHOWN_MAX else "")
    advice = nearest(call.tool, names) or (f" It has {shown}." if names else " It has none.")
    raise ConfigurationError(f"The backend {call.backend!r} has no tool {call.tool!r} for you.{advice}")


def _result(answer: EdgeAnswer, call: Call) -> dict[str, Any] | None:
    """None for an error of the mesh. Raises ConfigurationError for what was asked wrongly."""
    if answer.status == 401:
        raise ConfigurationError("The edge does not know the key in TOOLMESH_API_KEY. `toolmesh key new` makes one.")
    error = answer.message.get("error")
    if answer.status == 404 and error is not None:
        advice = nearest(call.backend, call.known) or " Its name is that of its entry in backends.yaml."
        raise ConfigurationError(f"The edge has no backend {call.backend!r} for you.{advice}")
    if error is not None and error.get("code") == _USAGE:
        raise ConfigurationError(str(error["message"]))
    return None if error is not None else dict(answer.message["result"])


def _show(result: dict[str, Any]) -> None:
    for block in result.get("content", ()):
        if block.get("type") == "text":
            say(block["text"])
        else:
            say_aside(f"(A block of type {block.get('type')} is not shown; --json shows it.)")

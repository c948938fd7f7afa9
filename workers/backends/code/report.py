"""What the caller of `execute_code` gets: the value alone, or with what was called and logged beside it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.errors import BY_CODE, MeshError
from workers.children.script import Ran, ScriptError
from workers.inner.called import Called, unanswered

_encode = msgspec.json.Encoder().encode
_NULL = b"null"


def report(ran: Ran, called: Sequence[Called], *, whole: bool, echo_bytes_max: int) -> bytes:
    """The MCP result, JSON. One text block: the value's JSON where nothing was called or logged, else an array, the value
    first, then the calls in the order in which they were made, then the logs. A failed call keeps its result whole; so do
    all where the script has no value, and where `whole` asks for it. The operator's note on a backend stands beside the
    first call that goes there.

    A script that failed: `isError`, what was done by then, and a block that says why; as structured content the error's
    code and place, in the shape in which edges say them of calls that failed.
    """
    entries: list[Any] = [] if ran.value is None else [{"return": msgspec.Raw(ran.value)}]
    entries += _entries(called, whole or ran.value is None, echo_bytes_max)
    if ran.logs:
        entries.append({"logs": ran.logs})
    if ran.error is None:
        text = _encode(entries) if called or ran.logs else (ran.value or _NULL)
        return _encode(_content([text.decode()]) | {"isError": False})
    texts = [_encode(entries).decode()] if entries else []
    facts = {"structuredContent": {"error": _facts(ran.error)}, "isError": True}
    return _encode(_content([*texts, _why(ran.error, called)]) | facts)


def _facts(error: ScriptError) -> dict[str, Any]:
    facts = {"code": error.code, "line": error.line, "column": error.column}
    known = {name: value for name, value in facts.items() if value is not None}
    return known | {"retryable": BY_CODE.get(error.code, MeshError).retryable}


def _entries(called: Sequence[Called], whole: bool, bytes_max: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    left = bytes_max
    for call in sorted(called, key=lambda call: call.ordinal):
        entry: dict[str, Any] = {"tool": call.tool, "status": call.status}
        if call.answer is not None and call.given is not None:
            if call.answer.notice:
                entry["notice"] = call.answer.notice
            name, body = ("error", call.given.body) if call.answer.code else ("result", call.answer.body)
            if (whole or not call.given.ok) and len(body) <= left:
                left -= len(body)
                entry[name] = msgspec.Raw(body)
            else:
                entry["resultBytes"] = len(body)
        entries.append(entry)
    return entries


def _why(error: ScriptError, called: Sequence[Called]) -> str:
    where = "" if error.line is None else f" (line {error.line})"
    return f"execute_code failed: {error.message}{where}{unanswered(called)}"


def _content(texts: Sequence[str]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text} for text in texts]}

"""What the caller of a composite gets: what its script returned, or why it has no value."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shared.errors import BY_CODE, MeshError
from workers.children.script import Ran, ScriptError
from workers.inner.called import Called, unanswered

FAILED: Final = "composite_failed"
"""Code of a script that threw an error of its own."""
LOGS: Final = "toolmesh/logs"
"""Member of `_meta`: what the script logged, line by line. It is for who looks after the file; models don't read it."""
_THREW: Final = "script_error"
_TOOL_ERROR: Final = "ToolError: "
_encode = msgspec.json.Encoder().encode


def outcome(name: str, ran: Ran, called: Sequence[Called]) -> bytes:
    """The MCP result, JSON: one text block with the JSON of the value (null where there is none).

    A failure: `isError`, and one block `[code] why (line 3 of the composite x)`; the same in parts as structured content.
    The code is that of the call whose error the script did not catch, else `composite_failed`, else what ended the script.
    """
    meta = {"_meta": {LOGS: ran.logs}} if ran.logs else {}
    if ran.error is None:
        return _encode(_content((ran.value or b"null").decode()) | {"isError": False} | meta)
    facts = _facts(ran.error)
    text = f"[{facts['code']}] {_why(ran.error)}{_place(ran.error, name)}{unanswered(called)}"
    return _encode(_content(text) | {"structuredContent": {"error": facts}, "isError": True} | meta)


def _facts(error: ScriptError) -> dict[str, Any]:
    thrown = error.thrown
    code = thrown.code if thrown is not None and thrown.code else FAILED if error.code == _THREW else error.code
    facts: dict[str, Any] = {"code": code, "message": _why(error), "line": error.line, "column": error.column}
    if thrown is None:
        facts["retryable"] = BY_CODE.get(code, MeshError).retryable
    else:
        said = {"provider_code": thrown.provider_code or None, "api_message": thrown.api_message or None}
        facts |= {"retryable": thrown.retryable, "http_status": thrown.http_status, **said}
    return {name: value for name, value in facts.items() if value is not None}


def _why(error: ScriptError) -> str:
    """Without the code, which stands before it."""
    if error.thrown is None:
        return error.message
    return error.message.removeprefix(_TOOL_ERROR).removeprefix(f"[{error.thrown.code}] ")


def _place(error: ScriptError, name: str) -> str:
    return f" (line {error.line} of the composite {name})" if error.line is not None else f" (composite {name})"


def _content(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}

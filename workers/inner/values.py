"""What a script gets for a call: the value of an MCP result (2026-07-28, server/tools), or an error."""

from typing import Any

import msgspec

from shared.errors import BY_CODE, MeshError
from workers.backends.backend import InnerAnswer
from workers.children.script import Answered

TOOL_ERROR = "tool_error"
"""Code of an error that a tool tells of (`isError`) without one of its own."""
_NO_TEXT = "The tool failed, and does not say why."
_UNUSABLE = "upstream_bad_response"
_NULL = b"null"

_encode = msgspec.json.Encoder().encode
_raws = msgspec.json.Decoder(msgspec.Raw)


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Result(msgspec.Struct):
    content: list[_Block] = []
    structuredContent: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 (MCP's name)
    isError: bool = False  # noqa: N815


class _Told(msgspec.Struct):
    """`error` of a structured content: as ToolMesh itself says it, and others do."""

    code: str | int | None = None
    status: Any = None
    http_status: Any = None
    retryable: Any = None
    message: Any = None
    provider_code: Any = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Structured(msgspec.Struct):
    error: _Told = msgspec.field(default_factory=_Told)


_results = msgspec.json.Decoder(_Result)
_structured = msgspec.json.Decoder(_Structured)


def answered(answer: InnerAnswer) -> Answered:
    """The value of a result: its first text block, parsed where it is JSON; without one its structured content, else null.
    An error for a result that says it is one, and for a failure."""
    if answer.code:
        return _failed(answer)
    try:
        result = _results.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return failure(_UNUSABLE, "The backend's result is none of the protocol.")
    text = next((block.text for block in result.content if block.type == "text" and block.text is not None), None)
    if result.isError:
        return _said_error(text, bytes(result.structuredContent))
    if text is None:
        return Answered(ok=True, body=bytes(result.structuredContent) or _NULL)
    return Answered(ok=True, body=_json_of(text))


def found(answer: InnerAnswer) -> Answered:
    """What was found, as it is."""
    return _failed(answer) if answer.code else Answered(ok=True, body=answer.body or _NULL)


def failure(code: str, message: str, **more: Any) -> Answered:
    """An error that is thrown in the script."""
    return Answered(ok=False, body=_encode({"code": code, "message": message, **more}))


def _failed(answer: InnerAnswer) -> Answered:
    more: dict[str, Any] = {"retryable": BY_CODE.get(answer.code, MeshError).retryable}
    if answer.data:
        more["data"] = msgspec.Raw(answer.data)
    return failure(answer.code, answer.detail, **more)


def _said_error(text: str | None, structured: bytes) -> Answered:
    told = _Told()
    if structured:
        try:
            told = _structured.decode(structured).error
        except (msgspec.DecodeError, RecursionError):
            told = _Told()
    more: dict[str, Any] = {}
    for status in (told.http_status, told.status, told.code):
        if isinstance(status, int) and 100 <= status <= 599:
            more["status"] = status
            break
    if isinstance(told.retryable, bool):
        more["retryable"] = told.retryable
    for name, said in (("api_message", told.message), ("provider_code", told.provider_code)):
        if isinstance(said, str):
            more[name] = said
    if told.data is not msgspec.UNSET:
        more["data"] = told.data
    elif structured:
        more["data"] = msgspec.Raw(structured)
    code = told.code if isinstance(told.code, str) and told.code else TOOL_ERROR
    return failure(code, text or _NO_TEXT, **more)


def _json_of(text: str) -> bytes:
    """A text that is JSON as that, any other one as a string."""
    try:
        raw = text.encode()
        _raws.decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _encode(text)
    return raw

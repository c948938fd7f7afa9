"""Answers that are files: kept, and given as a URL (DADL 0.2, `binary` and `type: file_url`)."""

import mimetypes
import re
from datetime import UTC, datetime

import msgspec

from shared.errors import MeshError
from workers.backends.backend import Invocation
from workers.backends.rest.answer import Content
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.response.presentation import result_of
from workers.backends.rest.response.programs import step_failed
from workers.backends.rest.response.text import charset, media_type
from workers.blobs import Blobs

_UNKNOWN = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_encode = msgspec.json.Encoder().encode


def is_file(content: Content, response: Response) -> bool:
    """Whether the tool says so, or the answer is what no text can be made of."""
    if response.binary or response.type == "file_url":
        return True
    kind = media_type(content.answer)
    if kind.startswith("text/") or "json" in kind or "xml" in kind or not kind or charset(content.answer):
        return False
    try:
        content.body.decode()
    except UnicodeDecodeError:
        return True
    return False


async def file_result(content: Content, tool: Tool, invocation: Invocation, blobs: Blobs) -> bytes:
    """The MCP result: JSON with `url`, `content_type`, `size_bytes` and `expires` (RFC 3339). Raises Failed."""
    status, response = content.answer.status, tool.response
    if response.redact:
        raise step_failed("redact_failed", "The tool has `redact`, and the answer is a file: it is not given.", status)
    kind = media_type(content.answer)
    if not _MEDIA_TYPE.fullmatch(kind):
        kind = response.content_type or _UNKNOWN
    name = _NOT_IN_NAMES.sub("-", invocation.tool)[:60] + (mimetypes.guess_extension(kind) or "")
    try:
        kept = await blobs.put(content.body, kind, name, response.ttl)
    except MeshError as error:
        message = f"The file could not be kept: {error.detail}"
        retryable = error.retryable and invocation.access == "read"
        raise step_failed("file_not_kept", message, status, retryable=retryable) from error
    expires = datetime.fromtimestamp(int(kept.expires), UTC).isoformat().replace("+00:00", "Z")
    about = {"url": kept.url, "content_type": kind, "size_bytes": len(content.body), "expires": expires}
    return result_of(_encode(about).decode(), [content.note] if content.note else [])

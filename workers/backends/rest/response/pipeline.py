"""What becomes of a content: the steps of a tool's `response`, one after the other. A step that fails is an error, and
nothing of the answer is given then."""

from functools import lru_cache

import msgspec

from workers.backends.backend import Invocation
from workers.backends.rest.answer import Content
from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.response.files import file_result, is_file
from workers.backends.rest.response.presentation import METADATA_BYTES_MAX, NOTHING, result_of
from workers.backends.rest.response.programs import Programs, step_failed
from workers.backends.rest.response.redaction import Redaction
from workers.backends.rest.response.selection import ARRAY, UNREADABLE, check, items_of, joined, kind_of, taken
from workers.backends.rest.response.text import media_type_of, utf8, without_halves
from workers.backends.rest.selecting import NotThere
from workers.blobs import Blobs
from workers.children.transforms import Transforms
from workers.masking import Mask

_encode = msgspec.json.Encoder().encode
_segments = lru_cache(4096)(parse_json_path)
_redaction = lru_cache(4096)(Redaction)


class Pipeline:
    """The steps of all tools of one backend."""

    def __init__(self, transforms: Transforms, blobs: Blobs, mask: Mask) -> None:
        self._programs = Programs(transforms)
        self._mask = mask
        self._blobs = blobs

    def prepare(self) -> None:
        """There are tools with jq programs: have a child ready before the first call."""
        self._programs.prepare()

    async def result(self, content: Content, tool: Tool, invocation: Invocation, override: str | None) -> bytes:
        """The MCP result. `override`: a jq program of the caller's, or None.

        Raises Failed where a step fails.
        """
        if tool.response.streaming and tool.response.stream_handling == "skip":
            return result_of(_encode({"status": content.answer.status}).decode(), [])
        if content.body and is_file(content, tool.response):
            return await file_result(content, tool, invocation, self._blobs)
        body = utf8(content.body, content.answer) if not content.selected else content.body
        notes, further = self._beside(content)
        if not body.strip():
            return result_of(NOTHING, notes, next_page=further)
        if override is None and (not _has_steps(tool.response) or _takes_text(tool.response, body, content)):
            # What was decoded may show what was not to be seen as bytes.
            shown = body if body is content.body else self._mask(body)
            return result_of(shown.decode("utf-8", "replace"), notes, next_page=further)
        document = await self._document(body, content, tool, invocation)
        metadata = self._metadata(content, tool.response)
        if override is not None:
            document = await self._programs.override(override, document, invocation, content.answer.status)
        document, note = _first(document, tool.response.max_items, content.answer.status)
        notes += [note] if note else []
        return result_of(self._mask(document).decode("utf-8", "replace"), notes, self._mask(metadata), further)

    def _beside(self, content: Content) -> tuple[list[str], bytes]:
        """What has to be known beside the result, and the arguments for the next page as JSON; both hold what came out of
        an answer."""
        notes = [self._mask.text(note) for note in (content.answer.note, content.note) if note]
        return notes, self._mask(_encode(content.next_page)) if content.next_page else b""

    async def _document(self, body: bytes, content: Content, tool: Tool, invocation: Invocation) -> bytes:
        """What is left after the file's own steps."""
        response, status = tool.response, content.answer.status
        body = _checked(body, status)
        if response.result_path is not None and not content.selected:
            try:
                body = taken(_segments(response.result_path), body)
            except NotThere as cause:
                message = f"The tool's `result_path: {response.result_path}` finds nothing in the answer: {cause}."
                raise step_failed("result_path_failed", message, status) from cause
            except UNREADABLE as cause:
                raise step_failed(
                    "result_path_failed",
                    "The answer has more in it than the tool's `result_path` can look through.",
                    status,
                ) from cause
        if response.transform is not None:
            body = await self._programs.transform(body, tool, invocation, status)
        if response.redact:
            try:
                body = _redaction(response.redact).of(body)
            except UNREADABLE as cause:
                message = "The tool's `redact` could not look through the answer, so none of it is shown."
                raise step_failed("redact_failed", message, status) from cause
        return body

    def _metadata(self, content: Content, response: Response) -> bytes:
        """What `metadata_path` finds; empty where it finds nothing, which is no failure."""
        if response.metadata_path is None:
            return b""
        try:
            found = taken(_segments(response.metadata_path), utf8(content.answer.body, content.answer))
            if len(found) > METADATA_BYTES_MAX or not response.redact:
                return found  # so much is not shown
            return _redaction(response.redact).of_metadata(found)
        except (NotThere, *UNREADABLE):
            return b""


def _checked(body: bytes, status: int) -> bytes:
    """The same, if it can be read: it is JSON, and not nested deeper than the decoder goes."""
    try:
        try:
            check(body)
        except msgspec.DecodeError:
            body = without_halves(body)
            check(body)
    except UNREADABLE as cause:
        message = "The answer is no JSON that can be read, and the tool has steps that need it."
        raise step_failed("unreadable_answer", message, status) from cause
    return body


def _has_steps(response: Response) -> bool:
    return (
        response.result_path is not None
        or response.transform is not None
        or bool(response.redact)
        or response.metadata_path is not None
        or response.max_items is not None
    )


def _takes_text(response: Response, body: bytes, content: Content) -> bool:
    """Whether an answer is no JSON, and no step of the file would find or change anything in a text: `result_path: $`
    says that the result is the answer, whatever it is. JSON that can't be read is no text of which to show all."""
    whole = response.result_path is None or not _segments(response.result_path)
    if not whole or response.transform is not None or response.redact:
        return False
    if response.max_items is not None and "json" in media_type_of(content.answer.headers.get("Content-Type", "")):
        return False
    try:
        check(without_halves(body))
    except UNREADABLE:
        return True
    return False


def _first(document: bytes, items_max: int | None, status: int) -> tuple[bytes, str]:
    """A list with no more than so many items, and a sentence where there were more."""
    if items_max is None or kind_of(document) != ARRAY:
        return document, ""
    try:
        items = items_of(document)
    except UNREADABLE as cause:
        message = "The answer has too many items to be cut to the tool's `max_items`."
        raise step_failed("unreadable_answer", message, status) from cause
    if len(items) <= items_max:
        return document, ""
    return joined(items[:items_max]), f"These are the first {items_max} of {len(items)} items (`max_items`)."

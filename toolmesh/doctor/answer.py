"""What came back for one request, as it came: nothing of it is believed before a check looked at it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from toolmesh.doctor.shown import quoted

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")


class Unanswered(Exception):
    """There was no answer, or none that could be read to its end. The text says why, in plain words."""

    def __init__(self, why: str, kind: str) -> None:
        """`kind`: `name`, `address`, `refused`, `tls`, `time`, `dropped`, `bound` (a limit of ours) or `url`."""
        super().__init__(why)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name; repeated ones are joined with a comma."""
    cookies: tuple[str, ...]
    """Each Set-Cookie header."""
    body: bytes
    """At most as many bytes as are read; empty where only the headers were asked for."""
    cut: bool
    """Whether there was more."""
    took_s: float
    """From sending to the last byte that was read."""
    first_byte_s: float
    """From sending to the headers."""
    http_version: str

    @property
    def media_type(self) -> str:
        """Of Content-Type, in lower case and without parameters; empty where it is not one."""
        found = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return found if _MEDIA_TYPE.fullmatch(found) else ""

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, whatever it says that it is."""
        head = self.body[:512].lstrip().lower()
        return self.media_type == "text/html" or head.startswith((b"<!doctype html", b"<html"))

    @property
    def location(self) -> str:
        """Where a redirect leads, or an empty text."""
        return self.headers.get("location", "") if 300 <= self.status < 400 else ""

    def json(self) -> Any:
        """The body as JSON; None where it isn't."""
        return parsed(self.body)

    def document(self) -> dict[str, Any] | None:
        """The body as a JSON object; None where it isn't one."""
        found = self.json()
        return found if isinstance(found, dict) else None

    def events(self) -> Iterator[Any]:
        """The JSON of each event of an event stream, as far as it was read."""
        yield from events_of(self.body)

    def message(self, rpc_id: object = None) -> dict[str, Any] | None:
        """The JSON-RPC answer, out of JSON or out of a stream: that to `rpc_id`, else the last one."""
        if self.media_type != "text/event-stream":
            return self.document()
        found = [each for each in self.events() if isinstance(each, dict) and "id" in each and "method" not in each]
        fitting = [each for each in found if each["id"] == rpc_id]
        return (fitting or found)[-1] if found else None

    @property
    def summary(self) -> str:
        """`POST https://… answered 404 (text/html)`."""
        kind = f" ({self.media_type})" if self.media_type else ""
        leads = f" to {quoted(self.location)}" if self.location else ""
        return f"{self.method} {self.url} answered {self.status}{leads}{kind}"


def parsed(raw: bytes) -> Any:
    """JSON, or None for anything else."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def events_of(raw: bytes) -> Iterator[Any]:
    """The JSON of each complete event (HTML, server-sent events): what is no JSON is left out."""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for block in text.split("\n\n")[:-1]:
        data = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        found = parsed("\n".join(data).encode()) if data else None
        if found is not None:
            yield found

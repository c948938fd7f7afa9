"""What becomes of an answer's body (DADL 0.2, response), in the order of the keys."""

from typing import Annotated, Literal

from workers.backends.rest.dadl.part import Duration, JsonPath, Lenient, Part


class Response(Part, frozen=True, kw_only=True):
    """All of it has an effect on the result only, never on the request."""

    result_path: JsonPath | None = None
    transform: str | None = None
    """A jq program."""
    redact: tuple[JsonPath, ...] = ()
    max_items: int | None = None
    allow_jq_override: bool = False
    metadata_path: JsonPath | None = None
    binary: bool = False
    content_type: str | None = None
    streaming: bool = False
    stream_handling: Literal["collect", "skip"] = "collect"
    max_duration: Duration | None = None
    type: Annotated[Literal["file_url"], Lenient] | None = None
    ttl: Duration | None = None

"""What answers are failures, and which of them are tried again (DADL 0.2, errors)."""

from typing import Annotated, Literal

import msgspec

from workers.backends.rest.dadl.part import Duration, JsonPath, Lenient, Part

RETRIES_MAX = 10
"""Whatever a file says."""


class RetryStrategy(Part, frozen=True, kw_only=True):
    """How often and how soon."""

    max_retries: int = 3
    backoff: Annotated[Literal["exponential", "linear", "fixed"], Lenient] = "exponential"
    initial_delay: Duration = 1.0


class RateLimit(Part, frozen=True, kw_only=True):
    """Headers of an answer that say how many requests are left, and when there are more."""

    header: str | None = None
    retry_after_header: str | None = None


class Errors(Part, frozen=True, kw_only=True):
    """Statuses, and where the body says what happened."""

    format: Annotated[Literal["json", "text", "xml"], Lenient] = "json"
    message_path: JsonPath | None = None
    code_path: JsonPath | None = None
    retry_on: tuple[int, ...] = ()
    terminal: tuple[int, ...] = ()
    retry_strategy: RetryStrategy | None = None
    rate_limit: RateLimit | None = None
    map: dict[str, str] = msgspec.field(default_factory=dict)
    """HTTP status (three digits) → code for a program."""

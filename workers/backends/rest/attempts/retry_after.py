"""When an API wants to be asked again, by its headers: `Retry-After` (RFC 9110 section 10.2.3) and its like."""

import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from workers.backends.rest.dadl.failures import RateLimit

RETRY_AFTER = "Retry-After"
_RESET = "X-RateLimit-Reset"
_SECONDS = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_UNIX_S = 1_000_000_000
_UNIX_MS = 1_000_000_000_000
"""From here on a number is no count of seconds, but a time; for headers other than Retry-After, which nothing defines."""
_DATE_CHARS_MAX = 64


def wait_of(headers: Mapping[str, str], limit: RateLimit | None) -> float | None:
    """Seconds from now, 0 or more; None where the headers say nothing that can be understood.

    Asked are the header that the file names (`retry_after_header`), Retry-After, and X-RateLimit-Reset where the file tells
    of a rate limit.
    """
    names = [RETRY_AFTER]
    if limit is not None:
        names = [*([limit.retry_after_header] if limit.retry_after_header else []), RETRY_AFTER, _RESET]
    for name in names:
        found = _seconds(headers.get(name, "").strip(), always_seconds=name.lower() == RETRY_AFTER.lower())
        if found is not None:
            return found
    return None


def _seconds(text: str, *, always_seconds: bool) -> float | None:
    if _SECONDS.fullmatch(text):
        number = float(text)
        if always_seconds or number < _UNIX_S:
            return number
        return max((number / 1000 if number >= _UNIX_MS else number) - time.time(), 0.0)
    if not text or len(text) > _DATE_CHARS_MAX:
        return None
    try:
        at = parsedate_to_datetime(text)
        return max(at.replace(tzinfo=at.tzinfo or UTC).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None

"""An answer that says that a request failed, as what callers get (DADL 0.2, errors). Its body may be any bytes."""

import re
from typing import Any

import msgspec

from workers.backends.rest.answer import Answer
from workers.backends.rest.attempts.statuses import code_of
from workers.backends.rest.dadl.failures import Errors
from workers.backends.rest.failed import Failed
from workers.backends.rest.response.single_value import Unreadable, value_at
from workers.backends.rest.selecting import NotThere

_BODY_BYTES_READ = 16 * 1024
_PROVIDER_CODE_CHARS_MAX = 200
_PLAIN = Errors()
_NO_MESSAGE = "(no message)"
_WITHHELD = (
    "(What it says is not shown, since answers of this tool are redacted. `message_path` in `errors` of the DADL file says "
    "which part may be.)"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of text around."""


def failed_of(
    answer: Answer,
    errors: Errors | None,
    *,
    retryable: bool,
    retry_after_s: float | None = None,
    redacts: bool = False,
) -> Failed:
    """The failure that an answer tells of. `errors`: what the file says of failures, None for nothing; `redacts`: whether
    answers of this tool hold what nobody may see, so that a body is not shown as it is."""
    errors = errors or _PLAIN
    says = errors.format == "json"
    return Failed(
        errors.map.get(str(answer.status)) or code_of(answer.status),
        _message(answer, errors.message_path if says else None, redacts),
        status=answer.status,
        provider_code=_text_at(errors.code_path if says else None, answer)[:_PROVIDER_CODE_CHARS_MAX],
        retryable=retryable,
        retry_after_s=retry_after_s,
    )


def _message(answer: Answer, path: str | None, redacts: bool) -> str:
    if 300 <= answer.status < 400 and "Location" in answer.headers:
        # Where to is not told: such URLs often hold what is as good as a credential.
        return (
            "The API redirects, and only calls that read follow that. If it has moved, mend `base_url` of the DADL "
            "file or `url` in backends.yaml."
        )
    if found := _text_at(path, answer):
        return found
    if redacts and answer.body.strip():
        return _WITHHELD
    return _cleaned(answer.body[:_BODY_BYTES_READ].decode("utf-8", "replace")) or _NO_MESSAGE


def _text_at(path: str | None, answer: Answer) -> str:
    """What stands there, as text; empty where there is nothing."""
    if path is None:
        return ""
    try:
        found = value_at(path, answer)
    except (NotThere, Unreadable):
        return ""
    return _cleaned(_as_text(found))


def _as_text(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    return msgspec.json.encode(value).decode()


def _cleaned(text: str) -> str:
    return _CONTROLS.sub("", text.replace("\r\n", "\n")).strip()

"""One value of an answer that is JSON, found without building all the others: an answer may hold millions of them."""

from typing import Any

import msgspec

from workers.backends.rest.answer import Answer
from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.response.selection import UNREADABLE, check, taken
from workers.backends.rest.response.text import utf8
from workers.backends.rest.selecting import NotThere

_BYTES_MAX = 64 * 1024
_decode = msgspec.json.Decoder().decode


class Unreadable(ValueError):
    """The answer is no JSON, or has more in it than is looked through."""


def value_at(path: str, answer: Answer) -> Any:
    """The value at a path. Raises NotThere, also for one of more than 64 KiB, and Unreadable."""
    found = written_at(path, answer)
    if len(found) > _BYTES_MAX:
        raise NotThere("what is there is too large")
    try:
        return _decode(found)
    except UNREADABLE:
        raise Unreadable from None


def written_at(path: str, answer: Answer) -> bytes:
    """The same as it is written, of any size."""
    body = utf8(answer.body, answer)
    try:
        check(body)
        return taken(parse_json_path(path), body)
    except UNREADABLE:
        raise Unreadable from None

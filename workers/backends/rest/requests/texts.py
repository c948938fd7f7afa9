"""Values as texts, for paths, queries, headers and forms."""

from decimal import Decimal
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def text_of(value: Any) -> str:
    """A value that is not null: numbers without an exponent, whole ones without a point; lists and objects as JSON."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return _encode(value).decode()


def texts_of(value: Any) -> list[str]:
    """One text for each item of a list that is not null; of anything else the one."""
    if isinstance(value, list):
        return [text_of(item) for item in value if item is not None]
    return [text_of(value)]

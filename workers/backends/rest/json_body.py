"""Bodies of answers that should be JSON."""

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode


def read_json(body: bytes) -> Any:
    """The document in a body. Raises ValueError for what is none, or nests too deeply."""
    try:
        return _decode(body)
    except RecursionError:
        raise ValueError("it nests too deeply") from None

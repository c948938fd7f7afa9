"""Sizes of bodies as DADL files write them: `50MB`, `128 KiB`, `1.5GB`, plain bytes. All units count by 1024."""

import re

BODY_BYTES_MAX = 100 * 1024 * 1024
"""What a file may allow at most."""

_UNITS = {"": 0, "B": 0, "K": 1, "M": 2, "G": 3}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMG]?)(?:I?B)?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """The size in bytes. Raises ValueError for anything that is not one, and for 0."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * 1024 ** _UNITS[found[2].upper()]) if found else 0
    if size <= 0:
        raise ValueError("not a size")
    return size

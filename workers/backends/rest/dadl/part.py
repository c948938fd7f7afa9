"""What all structs of a DADL file have in common, and the kinds of text that stand in them.

Each struct is at once what is read from YAML (a field's name there is its encoded name) and what the rest of the mesh uses.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One block of a DADL file."""


Kind = Literal["duration", "size", "json_path", "condition", "scalar", "lenient", "people"]


@dataclass(frozen=True, slots=True)
class Is:
    """Metadata of a field: how its text is read."""

    kind: Kind


Duration = Annotated[float, Is("duration")]
"""Seconds; written in Go's syntax (`300ms`, `1h30m`) or as a plain number of seconds."""
Size = Annotated[int, Is("size")]
"""Bytes; written as `50MB`, `128 KiB`, `1.5GB` (all of them by 1024) or as a plain number."""
JsonPath = Annotated[str, Is("json_path")]
"""A path of our dialect (`json_path.py`), as it is written."""
Condition = Annotated[str, Is("condition")]
"""A path, or a comparison with one (`condition.py`), as it is written."""
Told = Annotated[str, Is("scalar")]
"""Any single value, as text."""
Lenient = Is("lenient")
"""Metadata of a choice of which an unknown one is told and left out, since nothing depends on it."""

ForPeople = Is("people")
"""Metadata of what is for people alone: where it is of another kind than it should be it is told, and left out."""

Json = Any
"""A JSON value."""

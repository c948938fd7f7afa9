"""A file that a call sends."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What came of a `file_url`; it stands in the place of the URL among a call's arguments."""

    name: str
    """Without a directory; safe as a name on a disk."""
    content_type: str
    body: bytes = field(repr=False)

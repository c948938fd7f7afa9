"""A request as a tool and its arguments make it, before it is authenticated."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yarl


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. Its repr shows nothing of what a caller gave."""

    method: str
    url: yarl.URL = field(repr=False)
    """Absolute, and encoded already."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    elsewhere: bool = False
    """Whether it goes to another origin than the URL in force, since the tool's path is a whole URL."""
    foreign: bool = False
    """Whether it goes where the backend's credential does not: to a host of the tool's own."""

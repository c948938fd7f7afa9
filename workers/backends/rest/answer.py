"""An answer of an upstream, whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yarl


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response. Nothing in it but `cookies` holds a credential of ours: that was taken out before (`Mask`)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By names in any case; of a header that came several times the first value."""
    body: bytes = field(repr=False)
    """Decompressed."""
    url: yarl.URL = field(repr=False)
    """Where it came from: behind redirects, another one than was asked."""
    strange: bool = False
    """Whether redirects led to another origin than the API's: it is not the API's own word about tokens, limits, links."""
    note: str = ""
    """That it is not all, for instance: a stream that was left. Empty for nothing."""
    cookies: tuple[str, ...] = field(default=(), repr=False)
    """Values of `Set-Cookie`, as they came: for who keeps a session alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a tool's requests gave, for the steps that make a result of it."""

    answer: Answer
    """The last one: its status and headers."""
    body: bytes = field(repr=False)
    """The last one's body, or a JSON array of what all pages held."""
    selected: bool = False
    """Whether `result_path` was applied: it is what the items of pages are found by."""
    note: str = ""
    """What a caller has to know beside the result: that there is more than was read, for instance. Empty for nothing."""
    next_page: Mapping[str, Any] = field(default_factory=dict)
    """Arguments by which the next page of a list is asked for, where there may be one; empty for none."""

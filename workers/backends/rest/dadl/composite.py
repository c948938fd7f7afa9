"""Composites: tools that are a script over the tools of the same file (DADL 0.2, composites)."""

import msgspec

from workers.backends.rest.dadl.part import Json, Part, Told
from workers.backends.rest.dadl.tool import Param

TIMEOUT_S_USUAL = 30.0
TIMEOUT_S_MAX = 120.0


class WrittenCompositeParam(Part, frozen=True, kw_only=True):
    """A parameter as it stands in the file; it goes nowhere but into the script."""

    type: str | None = None
    required: bool = False
    default: Json = None
    description: str = ""


class CompositeKeys(Part, frozen=True, kw_only=True):
    """What a composite has, written or complete."""

    description: str
    code: str
    """JavaScript: the body of an async function that sees `api`, `params` and `console.log`."""
    access: str | None = None
    delegates: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


class WrittenComposite(CompositeKeys, frozen=True, kw_only=True):
    """A composite as it stands in the file."""

    params: dict[str, WrittenCompositeParam] = msgspec.field(default_factory=dict)
    timeout: Told = ""


class Composite(CompositeKeys, frozen=True, kw_only=True):
    """A composite with all that the file says of it."""

    params: dict[str, Param] = msgspec.field(default_factory=dict)
    timeout_s: float = TIMEOUT_S_USUAL
    hints: dict[str, str] = msgspec.field(default_factory=dict)
    reads: bool = False
    """Whether all that its script can call is known, and are tools that read."""

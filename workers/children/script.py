"""A script of a model or a file, run in a child: what it may use, what it asks for, and what came of it.

`Script` goes in, `Ran` comes out; between them the script's calls are `Asked` and `Answered`. `scripts` runs it.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

Kind = Literal["call", "discover", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptLimits:
    """What one run may use. Reaching any of them is an error of the script, never of its worker."""

    wall_s: float
    """From the start to the end, with the calls; then the child is killed."""
    heap_bytes: int
    """JavaScript heap."""
    stack_bytes: int
    calls_max: int
    """Calls of tools in one run; a further one throws `too_many_calls`."""
    in_flight_max: int
    """Calls (and look-ups) that run at a time; further ones wait inside the child."""
    argument_bytes_max: int
    """JSON text of one call's arguments."""
    result_bytes_max: int
    """JSON text of what the script returns."""
    log_bytes_max: int
    """All of what the script logs, as UTF-8; what comes after is dropped, and a last line says so."""
    discoveries_max: int
    """`toolmesh.discover` and `toolmesh.describe` together."""
    log_lines_max: int = 1_000
    steps_max: int = 500_000
    """Jobs of promises that a script may run without waiting for a call."""
    code_bytes_max: int = 256 * 1024
    """Source text as UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script to run."""

    code: str
    """Body of an async function, strict: JavaScript, or TypeScript whose types can be blanked."""
    api: Literal["toolmesh", "api"] = "toolmesh"
    """Name of the object with the tools; `api` (composites) has nothing but tools."""
    params: bytes | None = None
    """JSON value of the global `params`; None: there is none."""
    tenant: str
    """Whose it is: a child runs scripts of one tenant only."""
    limits: ScriptLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a script wants of the mesh."""

    ordinal: int
    """Counts what one run asks for, from 1 without a gap."""
    kind: Kind
    name: str
    """Of the tool, as the script wrote it (1 to 256 characters, none of them a control character); empty for `discover`."""
    arguments: bytes
    """JSON object: the call's arguments; `{"query": string, "limit"?: integer}` for `discover`; `{}` for `describe`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the script gets for an `Asked`."""

    ok: bool
    body: bytes
    """JSON. `ok`: the value that the script's promise is fulfilled with; empty stands for undefined.

    Else the error: an object with `code` (slug) and `message`, and as far as known `status` (HTTP status), `retryable` and
    `data`, and of an API `api_message` and `provider_code`. It is thrown as an Error with `name: "ToolError"`, these,
    `http_status` (the same as `status`) and `tool`."""


class Thrown(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the error of a call says that a script did not catch; a script may say the same of its own errors."""

    code: Annotated[str, msgspec.Meta(max_length=200)]
    provider_code: Annotated[str, msgspec.Meta(max_length=200)] = ""
    api_message: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    http_status: Annotated[int, msgspec.Meta(ge=100, le=599)] | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptError:
    """Why a script has no value."""

    code: str
    """`script_error` (it threw, or nobody handled a rejection), `script_syntax`, `script_result_not_json`,
    `script_result_too_large`, `script_deadlock`, `script_endless`, `script_out_of_memory`, `script_too_large`; or the code
    of the error with which its child ended, or was not to be had: `sandbox_timeout`, `sandbox_memory`, …"""
    message: str
    """For who wrote the script; begins with the name of the error where the script threw one."""
    line: int | None = None
    """Of the script as it was given, from 1."""
    column: int | None = None
    """From 1."""
    thrown: Thrown | None = None
    """Of a `script_error` that was a call's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The end of a run: a value, no value, or an error."""

    value: bytes | None = None
    """JSON; None where the script returned undefined, and for an error."""
    error: ScriptError | None = None
    logs: tuple[str, ...] = ()
    """What was logged, a line each time; of a child that was killed, what had crossed by then."""

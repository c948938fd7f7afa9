"""The one tree of errors.

Every error has a stable slug (`code`), says whether the same call may succeed later (`retryable`), carries a
`detail` that may be shown to anyone who may make the call, and keeps its cause private (`__cause__`). Nothing here
knows HTTP or JSON-RPC: `edge/problems.py` is the one table that renders a code.
"""

from typing import Any, ClassVar


class MeshError(Exception):
    """Base of all errors that leave a role on purpose.

    `detail`: one or two sentences for the reader, without secrets, keys or paths; says what to do next.
    `data`: JSON-able facts for a program (the JSON pointer of a bad argument, for instance).
    `retry_after_s`: when trying again makes sense; None where it is not known.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, data: dict[str, Any] | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.data = data
        self.retry_after_s = retry_after_s


class Internal(MeshError):
    """A defect of ours; the cause is in the log under the call id."""


class ConfigurationError(MeshError):
    """The operator's configuration cannot be used; the detail names file, line and what to write instead."""

    code = "configuration"


class Unauthenticated(MeshError):
    """No usable credential came with the request (RFC 6750 section 3)."""

    code = "unauthenticated"

    def __init__(self, detail: str, *, presented: bool) -> None:
        super().__init__(detail)
        self.presented = presented
        """Whether a credential was presented at all: decides on `error="invalid_token"` in the challenge."""


class UnknownTool(MeshError):
    """No such tool, or none that this caller may use: the two look the same on purpose."""

    code = "unknown_tool"


class NotAuthorized(MeshError):
    """A worker's own rules do not let this caller use what an edge let it use; to clients it looks like `UnknownTool`."""

    code = "not_authorized"


class InsufficientScope(MeshError):
    """The access token is not good for this (RFC 6750 section 3.1); `data["scope"]` is what a token needs, with spaces."""

    code = "insufficient_scope"


class UnknownCall(MeshError):
    """No such call, or another principal's, or one whose result is not kept any more: they look the same on purpose."""

    code = "unknown_call"


class UnknownCursor(MeshError):
    """No cursor of this principal's, or one of a result that is not kept any more."""

    code = "unknown_cursor"


class InvalidParams(MeshError):
    """The request's params are not what the method takes."""

    code = "invalid_params"


class InvalidArguments(MeshError):
    """The arguments do not match the tool's input schema; `data["pointer"]` is an RFC 6901 pointer."""

    code = "invalid_arguments"


class InvalidInput(InvalidArguments):
    """The same, of a tool that a DADL file declares: the code is that of DADL 0.2."""

    code = "invalid_input"


class QueueFull(MeshError):
    """The backend's queue is at its depth limit."""

    code = "queue_full"
    retryable = True


class PrincipalBusy(MeshError):
    """This caller has as many calls in flight at this backend as it may have."""

    code = "principal_busy"
    retryable = True


class TooBusy(MeshError):
    """As many others wait for this to be looked at as may wait: passwords and slow keys take their time."""

    code = "too_busy"
    retryable = True


class TooManyCalls(MeshError):
    """A running call has made as many further calls, or requests, as it may."""

    code = "too_many_calls"


class BackendUnavailable(MeshError):
    """No live worker serves the backend."""

    code = "backend_unavailable"
    retryable = True


class BrokerUnavailable(MeshError):
    """Redis can't be asked. Whatever was asked for is not done, or not known to be done."""

    code = "broker_unavailable"
    retryable = True


class AuthorizationServerAway(MeshError):
    """The keys of the server that issued an access token are not known, and can't be fetched now."""

    code = "authorization_server_away"
    retryable = True


class DeadlineExceeded(MeshError):
    """The call's time is over; nothing that changes something was started, or the call only reads."""

    code = "deadline_exceeded"
    retryable = True


class OutcomeUnknown(MeshError):
    """A write was started and nobody can say whether it took effect."""

    code = "outcome_unknown"


class DeadLettered(MeshError):
    """The call lost its worker too often and is not run again; it was set aside for the operator."""

    code = "dead_lettered"


class Cancelled(MeshError):
    """The call was cancelled before it changed anything, or is one that may be sent again."""

    code = "cancelled"


class DefinitionChanged(MeshError):
    """The tool's definition is no longer the one that the call was validated against."""

    code = "definition_changed"
    retryable = True


class ForgedMessage(MeshError):
    """A message from Redis is not signed by who it claims to be from, or is not what it claims to be."""

    code = "forged_message"


class UpstreamUnreachable(MeshError):
    """The upstream could not be connected to; nothing was sent."""

    code = "upstream_unreachable"
    retryable = True


class EgressDenied(MeshError):
    """What a request would go to may not be reached from here; nothing was sent. The log says which address it was."""

    code = "egress_denied"


class UpstreamTimeout(MeshError):
    """The upstream did not answer in time."""

    code = "upstream_timeout"
    retryable = True


class UpstreamBadResponse(MeshError):
    """The upstream answered something that is not the protocol, or broke off in mid-answer."""

    code = "upstream_bad_response"


class UpstreamTooLarge(MeshError):
    """The upstream's answer is over the size limit."""

    code = "upstream_too_large"


class UpstreamDenied(MeshError):
    """The upstream refused our credential (401 or 403)."""

    code = "upstream_denied"


class UpstreamError(MeshError):
    """The upstream answered with a JSON-RPC error, which is relayed as it is (`data["error"]`)."""

    code = "upstream_error"


class SandboxTimeout(MeshError):
    """A script or transform was killed: it used up its time, or its CPU time."""

    code = "sandbox_timeout"


class SandboxMemory(MeshError):
    """A script or transform was killed: it wanted more memory than it may have."""

    code = "sandbox_memory"


class SandboxCrashed(MeshError):
    """The process that ran a script or transform died, or said what it may not say."""

    code = "sandbox_crashed"


class SandboxBusy(MeshError):
    """No child was free in time: as many scripts or transforms run, or wait, as may."""

    code = "sandbox_busy"
    retryable = True


class SandboxUnavailable(MeshError):
    """Children can't be started here, or the sandbox service is away. Nothing was run."""

    code = "sandbox_unavailable"
    retryable = True


class TransformFailed(MeshError):
    """A jq program can't be compiled, failed on its input, or gave more than it may."""

    code = "transform_failed"


def _leaves(base: type[MeshError]) -> dict[str, type[MeshError]]:
    found = {base.code: base}
    for child in base.__subclasses__():
        found |= _leaves(child)
    found["internal"] = Internal
    return found


BY_CODE: dict[str, type[MeshError]] = _leaves(MeshError)
"""Slug to class, for failures that cross a process as their slug."""

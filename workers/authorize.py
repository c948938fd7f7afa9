"""authorize, once more: whether this worker's own rules let a call's principal use what an edge let it use.

An edge that reads another file, or an older state of it, can't have a worker do what the worker's own file does not allow
to that principal. Who the principal is, only the edge knows; of which class the tool is, the worker knows itself.
"""

import structlog

from shared import scopes
from shared.authorization import Evaluator, name_asked
from shared.catalogue import canonical_name
from shared.code_mode import CODE
from shared.errors import NotAuthorized
from shared.messages import CallClass
from shared.watched import Watched
from workers.run import Run

log = structlog.get_logger()


class Authorizer:
    """Asks the rules as they are now."""

    def __init__(self, rules: Watched[Evaluator]) -> None:
        self._rules = rules

    def allows(self, run: Run) -> bool:
        """Whether the principal of a call may have it run."""
        call = run.call
        if run.served.entry.transport == CODE.transport:
            # Everybody may run scripts who is somebody. The rules, and the token's scopes, count for each of its calls.
            return not call.principal.anonymous
        access = _class_of(run)
        name = name_asked(call)
        held = call.principal.scopes
        in_scope = held is None or scopes.needed_for(access) in held
        if not name or not in_scope:
            return False
        return self._rules.value.may_use(call.principal, name, access) or self._is_delegated(run)

    def _is_delegated(self, run: Run) -> bool:
        """Whether a composite makes the call under its own authority: its file asks for that, the operator says so in this
        worker's own backends.yaml, and the principal may use the composite."""
        call, served = run.call, run.served
        composite = served.tools.get(call.delegated) if call.delegated and call.parent else None
        if composite is None or composite.calls is None or call.method != "tools/call":
            return False
        if call.tool not in composite.calls.delegates or call.tool not in served.entry.delegates.get(call.delegated, ()):
            return False
        name = canonical_name(call.backend, call.delegated)
        return self._rules.value.may_use(call.principal, name, composite.access)

    def refuse(self, run: Run) -> NotAuthorized:
        """What the call ends with that they do not allow: said in the log, since it should not happen."""
        call = run.call
        log.warning(
            "call not allowed by this worker's rules, and allowed by the edge's: they read a different authorization.yaml",
            call_id=call.call_id,
            backend=call.backend,
            tool=call.tool,
            tenant=call.principal.tenant,
            subject=call.principal.subject,
            edge=call.reply,
        )
        return NotAuthorized(
            "The worker's authorization.yaml does not allow what the edge's allows; nothing was started. Give all roles "
            "the same file."
        )


def _class_of(run: Run) -> CallClass:
    """The class of a tool by what this worker serves; one that it does not serve (any more) counts as a write."""
    if run.call.method != "tools/call":
        return "read"
    definition = run.served.tools.get(run.call.tool)
    return "write" if definition is None else definition.access

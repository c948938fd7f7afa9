"""What a running call may call: a script all that its principal may use, a composite the plain tools of its own backend.

A composite is bound by its grant, which its worker can't change. What its principal may not use it may call where its file
asks for that (`delegates`) and the operator says the same in `backends.yaml`; that it may be called itself was decided
before, and is looked at again. Anything else means that the principal's own right counts.
"""

from dataclasses import dataclass
from typing import Final

from edge.authorize import check_scope
from edge.inner.naming import Naming
from edge.mesh import Mesh
from edge.tool import Tool
from shared.catalogue import canonical_name
from shared.errors import NotAuthorized, UnknownTool
from shared.inner import ParentGrant
from shared.messages import CallClass

_HARM: Final[dict[CallClass, int]] = {"read": 0, "idempotent": 1, "write": 2}


@dataclass(frozen=True, slots=True)
class Reached:
    """A tool that may be called."""

    tool: Tool
    delegated: str = ""
    """The composite under whose authority; empty where the principal's own right is enough."""


class Reach:
    """Knows it for one edge."""

    def __init__(self, mesh: Mesh, naming: Naming) -> None:
        self._mesh = mesh
        self._naming = naming

    async def find(self, grant: ParentGrant, name: str) -> Reached:
        """The tool of that name. Raises UnknownTool, InsufficientScope, NotAuthorized."""
        reached = self._of_composite(grant, name) if grant.backend else await self._of_script(grant, name)
        tool = reached.tool
        check_scope(grant.principal, tool.access)
        if _HARM[tool.access] > _HARM[grant.access]:
            raise NotAuthorized(
                f"{tool.name} is of class {tool.access}, and {grant.tool}, which calls it, of {grant.access}: nothing was "
                "started. Mend `class:` of the backend in backends.yaml."
            )
        return reached

    async def _of_script(self, grant: ParentGrant, name: str) -> Reached:
        tool = self._naming.find(grant.principal, name)
        if tool is None:
            raise await self._naming.unknown(grant.principal, name)
        return Reached(tool)

    def _of_composite(self, grant: ParentGrant, name: str) -> Reached:
        shelf = self._mesh.directory.shelves.get(grant.backend)
        prefix = canonical_name(grant.backend, "")
        tool = shelf.tools.get(name.removeprefix(prefix)) if shelf is not None and name.startswith(prefix) else None
        if tool is None or tool.definition.calls is not None:
            raise UnknownTool(f"Unknown tool: {name[:128]}. A composite may call the plain tools of its own file alone.")
        if self._mesh.authorizer.may_use(grant.principal, tool.name, tool.access):
            return Reached(tool)
        if self._is_delegated(grant, tool):
            return Reached(tool, grant.tool)
        raise UnknownTool(f"Unknown tool: {name[:128]}. There is none of that name that the caller may use.")

    def _is_delegated(self, grant: ParentGrant, tool: Tool) -> bool:
        directory, own = self._mesh.directory, tool.definition.name
        entry, shelf = directory.served.get(grant.backend), directory.shelves.get(grant.backend)
        composite = shelf.tools.get(grant.tool) if shelf is not None else None
        if entry is None or composite is None or composite.definition.calls is None:
            return False
        if own not in composite.definition.calls.delegates or own not in entry.delegates.get(grant.tool, ()):
            return False
        return self._mesh.authorizer.may_use(grant.principal, composite.name, composite.access)

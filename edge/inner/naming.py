"""Which tool a script means: by its canonical name, one that it had, or as JavaScript has it."""

from itertools import islice

from edge.authorize import Authorizer
from edge.discovery.called import CalledTools
from edge.discovery.finding import Finding
from edge.tool import Tool
from shared.errors import UnknownTool
from shared.identity import Principal

_NEAR_MAX = 3
_NAME_CHARS_MAX = 128


class Naming:
    """Knows it for one edge."""

    def __init__(self, called: CalledTools, finding: Finding, authorizer: Authorizer) -> None:
        self._called = called
        self._finding = finding
        self._authorizer = authorizer

    def find(self, principal: Principal, name: str) -> Tool | None:
        """The tool, if it is one that the principal may use. Raises UnknownTool where it may be one of several."""
        return self._called.now().find(name, lambda tool: self._authorizer.may_use(principal, tool.name, tool.access))

    async def unknown(self, principal: Principal, name: str) -> UnknownTool:
        """What is said where there is none: the same whether there is none, or none for this principal."""
        mine = await self._finding.mine(principal)
        near = [f'toolmesh["{entry.name}"]' for entry in islice(mine.ranked(name[:_NAME_CHARS_MAX]), _NEAR_MAX)]
        advice = f" Near it are {', '.join(near)}." if near else ""
        return UnknownTool(
            f'Unknown tool: {name[:_NAME_CHARS_MAX]}.{advice} `await toolmesh.discover("what it does")` finds more.'
        )

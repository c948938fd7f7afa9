"""What the tools of one backend are called at its own endpoint, beside their own names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog

from edge.accepted.fitted import fitted_tools
from edge.accepted.search_fetch import claims_contract
from edge.accepted.tool_names import tool_names
from edge.promotion import NOBODY, Promotion
from edge.shelf import Item, Shelf
from edge.tool import Tool, under
from shared.catalogue import canonical_name

log = structlog.get_logger()

View = Literal["plain", "strict", "openai"]
"""How a client sees the endpoint of one backend: as the backend is, as strict clients accept it, as OpenAI's do."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One tool as it is listed."""

    tool: Tool
    item: Item
    mark: str
    """What tells it from what it was before."""


class BackendNames:
    """Made with each catalogue."""

    def __init__(
        self, shelf: Shelf, former: Mapping[str, str], backends: Collection[str], promotion: Promotion = NOBODY
    ) -> None:
        """`former`: names that tools had, and their names now, as the operator has it (`aliases`); `backends`: all that are
        configured; `promotion`: tools that are listed by their bare names."""
        self.outer = tool_names(shelf.backend, shelf.tools, backends)
        """Names at the endpoint of all backends."""
        self.settled = {tool.name: tool for own, tool in shelf.tools.items() if own not in self.outer.alias}
        """By canonical name: those that are called by it there whatever other backends have."""
        self.settled_listed = {
            name: accepted(tool, name) for name, tool in self.settled.items() if not tool.accepted.refused
        }
        self.former: Mapping[str, Tool] = {
            old: shelf.tools[new] for old, new in former.items() if old not in shelf.tools and new in shelf.tools
        }
        """What tools were called, and may still be called by."""
        self.without_effect = {old: new for old, new in former.items() if old not in self.former}
        """Of the operator's names those that are a tool's own, or of a tool that is not there."""
        self.outer_former = tool_names(shelf.backend, self.former, backends)
        self.shelf = shelf
        self.promoted = promotion.of(shelf.backend, shelf.tools, self.former)
        """What the operator has in `expose_tools`."""
        strict = fitted_tools(shelf.tools)
        self._names: dict[View, dict[str, str]] = {"strict": strict, "openai": strict | self._beside_the_contract(strict)}
        self._listed: dict[View, dict[str, Listed]] = {}
        self.aliases: Mapping[str, Tool] = {
            name: shelf.tools[own] for names in self._names.values() for own, name in names.items()
        } | dict(self.former)
        """By all these names, and none of them is a tool's own."""

    def _beside_the_contract(self, strict: Mapping[str, str]) -> dict[str, str]:
        """Names for tools that have a name of OpenAI's contract, and another one's arguments."""
        shelf = self.shelf
        found: dict[str, str] = {}
        for own in ("search", "fetch"):
            tool = shelf.tools.get(own)
            if tool is not None and claims_contract(own, tool.input_schema):
                wanted = self.outer.alias.get(own, canonical_name(shelf.backend, own))
                held = {*strict.values(), *shelf.tools, *found.values()}
                found[own] = fitted_tools([wanted], taken=held.__contains__).get(wanted, wanted)
        return found

    def find(self, name: str) -> Tool | None:
        """The tool that is called that here."""
        return self.shelf.tools.get(name) or self.aliases.get(name)

    def listed(self, view: View) -> Mapping[str, Listed]:
        """The tools by the names that clients see, in order."""
        if view not in self._listed:
            tools = self.shelf.tools
            if view == "plain":
                self._listed[view] = {own: _plain(tool) for own, tool in tools.items()}
            else:
                alias = self._names[view]
                named = {alias.get(own, own): tool for own, tool in tools.items() if not tool.accepted.refused}
                self._listed[view] = {name: accepted(named[name], name) for name in sorted(named)}
        return self._listed[view]


def accepted(tool: Tool, name: str) -> Listed:
    """A tool as every client accepts it, by the name that it is listed by."""
    return Listed(tool, under(tool.listed, name), f"{name} {tool.mark}")


def _plain(tool: Tool) -> Listed:
    return Listed(tool, tool.listed_plain, tool.definition.hash)

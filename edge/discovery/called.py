"""What tools are called by in calls and in scripts, at the endpoint of all backends."""

from collections.abc import Callable, Mapping

from edge.discovery.js_names import js_name
from edge.name_space import Names, NameSpace
from edge.tool import Tool
from shared.errors import UnknownTool

MayUse = Callable[[Tool], bool]
"""Whether the caller may use a tool."""


class Called:
    """In one state of the name space. Never changed."""

    def __init__(self, name_space: NameSpace) -> None:
        self.name_space = name_space
        self.tools: Mapping[str, Tool] = _named(name_space)
        """Each once, by the name that it is called by, in order: its canonical one, unless that is another's."""
        self._names = {(tool.backend, tool.definition.name): name for name, tool in self.tools.items()}
        self._by_js: dict[str, tuple[str, ...]] = {}
        for name in self.tools:
            js = js_name(name)
            self._by_js[js] = (*self._by_js.get(js, ()), name)

    def find(self, name: str, may_use: MayUse) -> Tool | None:
        """The tool that a script means, by its name or as JavaScript has it. Raises UnknownTool where it may be several."""
        found = self.meant(name, may_use)
        if len(found) > 1:
            names = ", ".join(f'toolmesh["{each}"]' for each in found)
            raise UnknownTool(f"{name[:128]} may be one of several tools. Say which: {names}.")
        if found:
            return self.tools[found[0]]
        former = self.name_space.find(name)
        return former if former is not None and may_use(former) else None

    def meant(self, name: str, may_use: MayUse) -> list[str]:
        """The names of the tools that a script may mean: one, unless it is no tool's own, and of several in JavaScript."""
        found = [each for each in self.candidates(name) if may_use(self.tools[each])]
        return [name] if name in found else found

    def candidates(self, name: str) -> tuple[str, ...]:
        """Those with that name, or that name in JavaScript, whoever may use them, in their order."""
        if js_name(name) != name:
            return (name,) if name in self.tools else ()
        return self._by_js.get(name, ())

    def name_of(self, tool: Tool) -> str | None:
        """By what a tool is called; None for one that was there before."""
        return self._names.get((tool.backend, tool.definition.name))


class CalledTools:
    """Knows it for one edge, as things are now."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._called = Called(names.name_space)

    def now(self) -> Called:
        """Of the name space as it is."""
        if self._called.name_space is not self._names.name_space:
            self._called = Called(self._names.name_space)
        return self._called


def _named(name_space: NameSpace) -> dict[str, Tool]:
    tools = name_space.tools
    others = {name: each.tool for name, each in name_space.listed.items() if tools.get(each.tool.name) is not each.tool}
    return dict(sorted({**tools, **others}.items()))

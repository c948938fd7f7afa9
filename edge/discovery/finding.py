"""What one caller finds: whatever the way to ask, nothing comes out of here that the caller may not use."""

from typing import Any

from edge.authorize import Authorizer
from edge.discovery.collection import Collection, Collections
from edge.discovery.entry import Entry
from edge.discovery.js_names import is_identifier
from edge.discovery.typescript.declaration import declaration, returned
from edge.tool import Tool
from shared.authorization import Judge
from shared.identity import Principal

_FOUND_MAX = 100
_USUAL = 10


class Finding:
    """Of one edge."""

    def __init__(self, collections: Collections, authorizer: Authorizer) -> None:
        self._collections = collections
        self._authorizer = authorizer

    async def mine(self, principal: Principal) -> "Mine":
        """The tools that a caller may use, as they are now."""
        collection = await self._collections.current()
        return Mine(collection, self._authorizer.judge(principal))

    async def discover(self, principal: Principal, text: str, limit: int | None = None) -> list[dict[str, Any]]:
        """For a script: tools that fit a text, the best first, as `{name, js_name, description,
        backend, access}`; without a js_name where a script has to write `toolmesh["name"]`."""
        mine = await self.mine(principal)
        wanted = max(1, min(_USUAL if limit is None else limit, _FOUND_MAX))
        return [mine.told(entry) for entry in mine.ranked(text)[:wanted]]

    async def describe(self, principal: Principal, name: str) -> dict[str, Any] | None:
        """For a script: all that is known of the tool of that name, canonical or as scripts call it; None where there is
        none, or none for this caller. Raises UnknownTool where it may be several."""
        mine = await self.mine(principal)
        entry = mine.named(name)
        if entry is None:
            return None
        described = entry.tool.listed_plain
        js_name = mine.callable_as(entry)
        told = mine.told(entry) | {"description": entry.description}
        told |= {"inputSchema": entry.tool.input_schema, "annotations": described.get("annotations", {})}
        if (schema := returned(entry.tool)) is not None:
            told["outputSchema"] = schema
        lines = declaration(entry, callable_as=js_name, number=1, whole=True)
        return told | {"typescript": f"declare namespace toolmesh {{\n{lines}}}\n"}


class Mine:
    """What one caller may use of a collection."""

    def __init__(self, collection: Collection, judge: Judge) -> None:
        self._collection = collection
        self._judge = judge

    def all(self) -> list[Entry]:
        """In the order of their names."""
        judge = self._judge
        return [entry for entry in self._collection.entries if judge(entry.tool.name, entry.tool.access)]

    def ranked(self, query: str) -> list[Entry]:
        """Those that a query finds, the best first."""
        judge = self._judge
        return [entry for entry in self._collection.ranked(query) if judge(entry.tool.name, entry.tool.access)]

    def entry(self, name: str) -> Entry | None:
        """The tool that is called just that."""
        entry = self._collection.by_name.get(name)
        return entry if entry is not None and self._may_use(entry.tool) else None

    def named(self, name: str) -> Entry | None:
        """The tool of that name, canonical or as scripts call it. Raises UnknownTool where it may be several."""
        called = self._collection.called
        tool = called.find(name, self._may_use)
        return None if tool is None else self._collection.by_name.get(called.name_of(tool) or "")

    def callable_as(self, entry: Entry) -> str | None:
        """What a script writes behind the dot; None where it has to write the name in brackets."""
        js_name = entry.js_name
        plain = is_identifier(js_name) and self._collection.called.meant(js_name, self._may_use) == [entry.name]
        return js_name if plain else None

    def told(self, entry: Entry) -> dict[str, Any]:
        """What is said of a tool in few words."""
        js_name = self.callable_as(entry)
        return {
            "name": entry.name,
            **({"js_name": js_name} if js_name is not None else {}),
            "description": entry.summary,
            "backend": entry.tool.backend,
            "access": entry.tool.access,
        }

    def _may_use(self, tool: Tool) -> bool:
        return self._judge(tool.name, tool.access)

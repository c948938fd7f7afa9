"""`search` and `fetch`: OpenAI's deep research and company knowledge call these two, in this form, and nothing else.

`search({query})` gives `{"results": [{"id", "title", "url"}]}`, `fetch({id})` gives `{"id", "title", "text", "url",
"metadata"}`: as JSON in one text block, and as structured content. What is searched here are the tools that one may use.
"""

from abc import ABC, abstractmethod
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec

from edge.discovery.entry import Entry
from edge.discovery.finding import Finding, Mine
from edge.discovery.typescript.declaration import declaration
from edge.exchange import Exchange
from edge.own_definition import own_tool
from edge.paging.budgets import ResultBudgets
from edge.parse import parse_call
from edge.render import rpc_result
from edge.respond import send_json
from edge.shelf import Item
from edge.tool import Tool
from shared.errors import InvalidArguments
from shared.identity import Principal
from shared.settings import Settings

_RESULTS_MAX = 20
_CHARS_MAX = 50_000
_TEXT = {"type": "string"}
_encode = msgspec.json.Encoder().encode


def search_tool() -> Tool:
    """The definition of `search`."""
    result = {
        "type": "object",
        "properties": dict.fromkeys(("id", "title", "url"), _TEXT),
        "required": ["id", "title", "url"],
    }
    return own_tool(
        "search",
        {
            "title": "Search the tools",
            "description": "Search the tools of this server by what they do. Gives ids for fetch; it runs none of them.",
            "inputSchema": {
                "type": "object",
                "properties": {"query": {"type": "string", "description": "What is to be done, in words."}},
                "required": ["query"],
                "additionalProperties": False,
            },
            "outputSchema": {
                "type": "object",
                "properties": {"results": {"type": "array", "items": result}},
                "required": ["results"],
            },
            "annotations": {"openWorldHint": False},
        },
    )


def fetch_tool() -> Tool:
    """The definition of `fetch`."""
    members = ("id", "title", "text", "url")
    return own_tool(
        "fetch",
        {
            "title": "Read about a tool",
            "description": "Read documentation and signature of one tool that search has found; it is not run.",
            "inputSchema": {
                "type": "object",
                "properties": {"id": {"type": "string", "description": "The id, as search gives it."}},
                "required": ["id"],
                "additionalProperties": False,
            },
            "outputSchema": {
                "type": "object",
                "properties": {**dict.fromkeys(members, _TEXT), "metadata": {"type": "object"}},
                "required": list(members),
            },
            "annotations": {"openWorldHint": False},
        },
    )


class _Answering(ABC):
    """What both do."""

    def __init__(self, tool: Tool, finding: Finding, public_url: str, settings: Settings) -> None:
        self.tool = tool
        self._finding = finding
        self._public_url = public_url
        self._budgets = ResultBudgets(settings)

    def listed_for(self, principal: Principal) -> Item:
        """The same for everybody."""
        return self.tool.listed

    async def answer(self, exchange: Exchange) -> None:
        """Answer a call. Raises InvalidArguments before anything is answered."""
        message = exchange.message
        arguments = parse_call(exchange.body, message).arguments
        self.tool.validate(arguments)
        mine = await self._finding.mine(exchange.principal)
        found = self._found(mine, arguments, min(self._budgets.of(exchange) or _CHARS_MAX, _CHARS_MAX))
        text = _encode(found).decode()
        result = {"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": False}
        await send_json(exchange.send, 200, rpc_result(message.id, _encode(result), message.era))

    @abstractmethod
    def _found(self, mine: Mine, arguments: dict[str, Any], budget: int) -> dict[str, Any]:
        """The answer. `budget`: characters to which a long one is cut."""

    def _document(self, entry: Entry) -> dict[str, str]:
        """What is said of a tool in both answers. Its URL is that of the page which says how to connect."""
        title = entry.tool.listed["title"]
        return {"id": entry.name, "title": f"{title} ({entry.name})", "url": f"{self._public_url}/mcp#{quote(entry.name)}"}


class Search(_Answering):
    """Answers calls of `search`."""

    def __init__(self, finding: Finding, public_url: str, settings: Settings) -> None:
        super().__init__(search_tool(), finding, public_url, settings)

    def _found(self, mine: Mine, arguments: dict[str, Any], budget: int) -> dict[str, Any]:
        return {"results": [self._document(entry) for entry in islice(mine.ranked(arguments["query"]), _RESULTS_MAX)]}


class Fetch(_Answering):
    """Answers calls of `fetch`."""

    def __init__(self, finding: Finding, public_url: str, settings: Settings) -> None:
        super().__init__(fetch_tool(), finding, public_url, settings)

    def _found(self, mine: Mine, arguments: dict[str, Any], budget: int) -> dict[str, Any]:
        """The whole description, where it fits twice: it is given as text and as structured content."""
        entry = mine.entry(arguments["id"])
        if entry is None:
            raise InvalidArguments("There is no tool of that id. search(query) gives ids.", data={"pointer": "/id"})
        js_name = mine.callable_as(entry)
        lines = declaration(entry, callable_as=js_name, whole=True)
        if len(lines) > budget // 3:
            lines = declaration(entry, callable_as=js_name)
        metadata = {"backend": entry.tool.backend, "access": entry.tool.access}
        return {**self._document(entry), "text": lines, "metadata": metadata}

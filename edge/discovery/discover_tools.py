"""`discover_tools`: the edge's own tool, by which an agent finds what it may use, without a list of all."""

from collections.abc import Mapping
from typing import Any

import msgspec

from edge.discovery.details import Detail, detail_for, shown
from edge.discovery.finding import Finding, Mine
from edge.discovery.pattern import Pattern
from edge.exchange import Exchange
from edge.names import DISCOVER_TOOLS
from edge.own_definition import own_tool
from edge.paging.budgets import ResultBudgets
from edge.parse import parse_call
from edge.render import rpc_result
from edge.respond import send_json
from edge.shelf import Item
from edge.tool import Tool
from shared.configuration import BackendEntry
from shared.identity import Principal
from shared.settings import Settings

_BYTES_MAX = 50 * 1024
_QUERY_USUAL = 25
_NAMED_MAX = 30
"""Backends that are named where nothing was found."""
_encode = msgspec.json.Encoder().encode
_DESCRIPTION = (
    "Find tools by what they do, and get their exact signatures. Most tools are not listed: look here first. query takes "
    "words, best matches first. pattern takes a regular expression on names and descriptions; backend, the tools of one "
    "system. Without arguments it tells of all, in as much detail as fits. Tools that were found are called from "
    "execute_code as toolmesh.<name>(args), many in one script, or by their name."
)


def discover_tools_tool() -> Tool:
    """Its definition."""
    definition = {
        "title": "Find tools",
        "description": _DESCRIPTION,
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What is to be done, in words: create invoice."},
                "pattern": {
                    "type": "string",
                    "maxLength": 512,
                    "description": "Regular expression, in either case: ^github_.*issue.",
                },
                "backend": {"type": "string", "description": "Name of the one system to look in."},
                "detail": {
                    "type": "string",
                    "enum": ["full", "summary", "names", "overview"],
                    "description": "How much is told of each tool; without it as much as fits so many: full up to 25.",
                },
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 10_000,
                    "description": f"How many tools at most; with query {_QUERY_USUAL}, unless you say more.",
                },
            },
            "additionalProperties": False,
        },
        "annotations": {"openWorldHint": False},
    }
    return own_tool(DISCOVER_TOOLS, definition)


class DiscoverTools:
    """Answers calls of it."""

    def __init__(self, finding: Finding, entries: Mapping[str, BackendEntry], settings: Settings) -> None:
        """`entries`: the edge's configuration, by backend."""
        self.tool = discover_tools_tool()
        self._finding = finding
        self._hints = {name: entry.hint for name, entry in entries.items() if entry.hint}
        self._budgets = ResultBudgets(settings)

    def listed_for(self, principal: Principal) -> Item | None:
        """The same for everybody who logged in; who did not may run no script, and has all tools listed."""
        return None if principal.anonymous else self.tool.listed

    async def answer(self, exchange: Exchange) -> None:
        """Answer with the tools that fit. Raises InvalidArguments before anything is answered."""
        message = exchange.message
        arguments = parse_call(exchange.body, message).arguments
        self.tool.validate(arguments)
        mine = await self._finding.mine(exchange.principal)
        text = await self._found(mine, arguments, self._budgets.of(exchange) or _BYTES_MAX)
        body = _encode({"content": [{"type": "text", "text": text}], "isError": False})
        await send_json(exchange.send, 200, rpc_result(message.id, body, message.era))

    async def _found(self, mine: Mine, arguments: dict[str, Any], budget: int) -> str:
        query, pattern, backend = (arguments.get(name) or "" for name in ("query", "pattern", "backend"))
        found = mine.ranked(query) if query.strip() else mine.all()
        if backend:
            found = [entry for entry in found if entry.tool.backend == backend]
        if pattern:
            found = await Pattern(pattern).matching(found)
        if not found:
            return _nothing(mine, backend)
        limit = int(arguments.get("limit", _QUERY_USUAL if query.strip() else len(found)))
        detail: Detail = arguments.get("detail") or detail_for(min(limit, len(found)))
        some = found if detail == "overview" else found[:limit]
        return shown(detail, some, len(found), mine, self._hints, min(budget, _BYTES_MAX))


def _nothing(mine: Mine, backend: str) -> str:
    """What to try where nothing fits. A backend that the caller may use nothing of is not there."""
    names = sorted({entry.tool.backend for entry in mine.all()})
    if not names:
        return "// There is no tool that you may use.\n"
    some = ", ".join(names[:_NAMED_MAX]) + (f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else "")
    why = f"There is no backend {backend[:64]!r} here." if backend and backend not in names else "No tool fits."
    return (
        f"// {why} Try other words in query, fewer of them, a pattern that is wider, or no arguments at all for an "
        f"overview. Backends: {some}.\n"
    )

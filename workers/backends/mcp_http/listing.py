"""`tools/list`: all pages, bounded, each tool vetted; a bad one is quarantined and the others are listed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import msgspec
import structlog

from shared.catalogue import ToolDefinition, define
from shared.configuration import BackendEntry
from shared.errors import UpstreamBadResponse
from shared.settings import Settings
from workers.backends.mcp_http.parameter_headers import HeaderMap, declared_headers
from workers.vetting import vet

log = structlog.get_logger()

_CURSOR_CHARS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Listing:
    """What an upstream offers."""

    tools: tuple[ToolDefinition, ...]
    """Vetted, in the order of their names."""
    headers: dict[str, HeaderMap]
    """Arguments that go into headers, of the tools that have such (modern era)."""
    ttl_s: float | None
    """How long the upstream says that the list is good for; None where it does not say."""


class _Page(msgspec.Struct):
    tools: list[msgspec.Raw]
    nextCursor: str | None = None  # noqa: N815 (MCP's name)
    ttlMs: float | None = None  # noqa: N815 (MCP's name)


class _Name(msgspec.Struct):
    name: str


_pages = msgspec.json.Decoder(_Page)
_names = msgspec.json.Decoder(_Name)

Ask = Callable[[bytes], Awaitable[tuple[bytes, bool]]]
"""Sends one `tools/list` with these members as params; gives the result and whether the era is the modern one."""


class Lister:
    """Lists the tools of one backend; a definition that was vetted once is not vetted again."""

    def __init__(self, entry: BackendEntry, settings: Settings) -> None:
        self._entry = entry
        self._settings = settings
        self._included = None if entry.include_tools is None else frozenset(entry.include_tools)
        self._verdicts: dict[bytes, str | None] = {}

    async def list(self, ask: Ask) -> Listing:
        """Ask for page after page. Raises what `ask` raises, and UpstreamBadResponse for a page that is none."""
        tools: dict[str, ToolDefinition] = {}
        headers: dict[str, HeaderMap] = {}
        verdicts: dict[bytes, str | None] = {}
        ttl_s: float | None = None
        size = 0
        async for page, modern in self._pages(ask):
            if page.ttlMs is not None and page.ttlMs > 0:
                ttl_s = min(page.ttlMs / 1000, ttl_s or page.ttlMs / 1000)
            for name, definition in self._wanted(page, tools):
                size += len(definition)
                if len(tools) >= self._settings.upstream_tools_max or size > self._settings.upstream_catalogue_bytes_max:
                    self._complain("tools beyond the limit are not listed", listed=len(tools), bytes=size)
                    self._verdicts = verdicts
                    return _listing(tools, headers, ttl_s)
                await asyncio.sleep(0)  # a schema takes a while to compile: other calls go on meanwhile
                reason = verdicts[definition] = self._verdict(definition)
                if reason is None and modern:
                    reason = _note_headers(name, definition, headers)
                if reason is None:
                    tools[name] = define(name, self._entry.classes.get(name, "write"), definition)
                else:
                    self._complain("tool quarantined", tool=name[:128], reason=reason)
        self._verdicts = verdicts
        return _listing(tools, headers, ttl_s)

    async def _pages(self, ask: Ask) -> AsyncIterator[tuple[_Page, bool]]:
        """The pages, until one names no further one, a cursor comes again, or there are too many."""
        params = b""
        seen: set[str] = set()
        for _ in range(self._settings.upstream_pages_max):
            result, modern = await ask(params)
            try:
                page = _pages.decode(result)
            except msgspec.DecodeError as cause:
                raise UpstreamBadResponse("The upstream's answer to `tools/list` is not a list of tools.") from cause
            yield page, modern
            cursor = page.nextCursor
            if not cursor:
                return
            if cursor in seen or len(cursor) > _CURSOR_CHARS_MAX:
                break
            seen.add(cursor)
            params = b'"cursor":' + msgspec.json.encode(cursor)
        self._complain("pages of tools do not come to an end; what was read so far is listed", pages=len(seen))

    def _wanted(self, page: _Page, known: dict[str, ToolDefinition]) -> Iterator[tuple[str, bytes]]:
        """The tools of a page that the operator wants and that have a name of their own."""
        for definition in map(bytes, page.tools):
            try:
                name = _names.decode(definition).name
            except msgspec.DecodeError:
                self._complain("tool quarantined", tool="", reason="it has no name")
                continue
            if self._included is not None and name not in self._included:
                continue
            if name in known:
                self._complain("tool listed twice; the first one counts", tool=name)
                continue
            yield name, definition

    def _verdict(self, definition: bytes) -> str | None:
        if definition in self._verdicts:
            return self._verdicts[definition]
        return vet(definition, self._settings)

    def _complain(self, event: str, **facts: object) -> None:
        log.warning(event, backend=self._entry.name, **facts)


def _listing(tools: dict[str, ToolDefinition], headers: dict[str, HeaderMap], ttl_s: float | None) -> Listing:
    return Listing(tuple(tools[name] for name in sorted(tools)), headers, ttl_s)


def _note_headers(name: str, definition: bytes, headers: dict[str, HeaderMap]) -> str | None:
    """Keep which arguments go into headers; gives the reason why the tool may not be used, if there is one."""
    try:
        declared = declared_headers(definition)
    except ValueError as cause:
        return str(cause)
    if declared:
        headers[name] = declared
    return None

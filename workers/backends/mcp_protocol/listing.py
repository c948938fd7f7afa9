"""An upstream's offer: all pages of its lists, bounded, each tool vetted; a bad one is quarantined, the rest is listed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec
import structlog

from shared.catalogue import ToolDefinition, define
from shared.classes import class_of_annotations
from shared.configuration import BackendEntry
from shared.errors import MeshError
from shared.json_text import depth_exceeds
from shared.messages import CallClass
from shared.settings import Settings
from workers.backends.backend import Offer
from workers.backends.mcp_protocol.pages import AskForPage, Page, pages_of
from workers.backends.mcp_protocol.parameter_headers import HeaderMap, declared_headers
from workers.vetting import vet, vet_output, without_output

log = structlog.get_logger()

_ITEM_BYTES_MAX = 64 * 1024
_KEY_CHARS_MAX = 2048


@dataclass(frozen=True, slots=True)
class Listing:
    """What an upstream offers."""

    offer: Offer
    headers: dict[str, HeaderMap]
    """Arguments that go into headers, of the tools that have such (modern era)."""
    ttl_s: float | None
    """How long the upstream says that the lists are good for; None where it does not say."""


class _Name(msgspec.Struct):
    name: str


class _Annotated(msgspec.Struct):
    annotations: object = None


class _Uri(msgspec.Struct):
    uri: str


class _UriTemplate(msgspec.Struct):
    uriTemplate: str  # noqa: N815 (MCP's name)


class _Server(msgspec.Struct):
    capabilities: dict[str, msgspec.Raw] = {}


_names = msgspec.json.Decoder(_Name)
_annotated = msgspec.json.Decoder(_Annotated)
_uris = msgspec.json.Decoder(_Uri)
_uri_templates = msgspec.json.Decoder(_UriTemplate)
_servers = msgspec.json.Decoder(_Server)

_Verdict = tuple[str | None, bytes]
"""Why a tool is not listed, or None; and its definition as it is."""
Kind = Literal["prompts", "resources", "resourceTemplates"]
_METHODS: dict[Kind, str] = {
    "prompts": "prompts/list",
    "resources": "resources/list",
    "resourceTemplates": "resources/templates/list",
}


class Lister:
    """Lists what one backend has; a definition that was vetted once is not vetted again."""

    def __init__(self, entry: BackendEntry, settings: Settings) -> None:
        self._entry = entry
        self._settings = settings
        self._included = None if entry.include_tools is None else frozenset(entry.include_tools)
        self._verdicts: dict[bytes, _Verdict] = {}

    async def list_all(self, ask: AskForPage, server: bytes) -> Listing:
        """Ask for list after list, as far as the server's capabilities name them.

        `server`: what it said of itself (`Offer.server`). Raises what `ask` raises for the tools, and UpstreamBadResponse
        for a page that is none; a list of something else that fails is empty, so that it does not hide the tools.
        """
        capabilities = _servers.decode(server).capabilities if server else {}
        tools: dict[str, ToolDefinition] = {}
        headers: dict[str, HeaderMap] = {}
        ttl_s: float | None = None
        if "tools" in capabilities or not capabilities:
            tools, headers, ttl_s = await self._tools(ask)
        offer = Offer(
            tools=tuple(tools[name] for name in sorted(tools)),
            prompts=await self._items(ask, "prompts") if "prompts" in capabilities else (),
            resources=await self._items(ask, "resources") if "resources" in capabilities else (),
            templates=await self._items(ask, "resourceTemplates") if "resources" in capabilities else (),
            server=server,
        )
        return Listing(offer, headers, ttl_s)

    async def _tools(self, ask: AskForPage) -> tuple[dict[str, ToolDefinition], dict[str, HeaderMap], float | None]:
        tools: dict[str, ToolDefinition] = {}
        headers: dict[str, HeaderMap] = {}
        verdicts: dict[bytes, _Verdict] = {}
        ttl_s: float | None = None
        size = 0
        async for page, modern in self._pages("tools/list", ask):
            if page.ttlMs is not None and page.ttlMs > 0:
                ttl_s = min(page.ttlMs / 1000, ttl_s or page.ttlMs / 1000)
            for name, definition in self._wanted(page, tools):
                size += len(definition)
                if len(tools) >= self._settings.upstream_tools_max or size > self._settings.upstream_catalogue_bytes_max:
                    self._complain("tools beyond the limit are not listed", listed=len(tools), bytes=size)
                    self._verdicts = verdicts
                    return tools, headers, ttl_s
                await asyncio.sleep(0)  # a schema takes a while to compile: other calls go on meanwhile
                reason, fit = verdicts[definition] = self._verdict(name, definition)
                if reason is None and modern:
                    reason = _note_headers(name, definition, headers)
                if reason is None:
                    tools[name] = define(name, self._class_of(name, definition), fit)
                else:
                    self._complain("tool quarantined", tool=name[:128], reason=reason)
        self._verdicts = verdicts
        return tools, headers, ttl_s

    def _class_of(self, name: str, definition: bytes) -> CallClass:
        """The operator's word; else, where the operator trusts it, the server's; else `write`."""
        said = self._entry.classes.get(name)
        if said is not None or self._entry.annotations == "ignore":
            return said or "write"
        try:
            return class_of_annotations(_annotated.decode(definition).annotations)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "write"

    async def _items(self, ask: AskForPage, kind: Kind) -> tuple[bytes, ...]:
        """The prompts, resources or templates, in the order of what they are called by."""
        found: dict[str, bytes] = {}
        size = 0
        try:
            async for page, _ in self._pages(_METHODS[kind], ask):
                for item in map(bytes, getattr(page, kind)):
                    size += len(item)
                    if (
                        len(found) >= self._settings.upstream_tools_max
                        or size > self._settings.upstream_catalogue_bytes_max
                    ):
                        self._complain("items beyond the limit are not listed", kind=kind, listed=len(found))
                        return tuple(found[key] for key in sorted(found))
                    key = _key_of(kind, item)
                    if key is None or len(item) > _ITEM_BYTES_MAX or depth_exceeds(item, self._settings.json_depth_max):
                        self._complain("item quarantined", kind=kind, reason="too large, too deep, or without a name")
                    else:
                        found.setdefault(key, item)
        except MeshError as error:
            self._complain("list not read", kind=kind, reason=error.detail)
        return tuple(found[key] for key in sorted(found))

    def _pages(self, method: str, ask: AskForPage) -> AsyncIterator[tuple[Page, bool]]:
        return pages_of(method, ask, backend=self._entry.name, pages_max=self._settings.upstream_pages_max)

    def _wanted(self, page: Page, known: dict[str, ToolDefinition]) -> Iterator[tuple[str, bytes]]:
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

    def _verdict(self, name: str, definition: bytes) -> _Verdict:
        if definition in self._verdicts:
            return self._verdicts[definition]
        if reason := vet(definition, self._settings):
            return reason, definition
        if reason := vet_output(definition, self._settings):
            self._complain("outputSchema left out", tool=name[:128], reason=reason)
            return None, without_output(definition)
        return None, definition

    def _complain(self, event: str, **facts: object) -> None:
        log.warning(event, backend=self._entry.name, **facts)


def _key_of(kind: Kind, item: bytes) -> str | None:
    """What an item is called by; None where it has no such thing."""
    try:
        if kind == "prompts":
            key = _names.decode(item).name
        elif kind == "resources":
            key = _uris.decode(item).uri
        else:
            key = _uri_templates.decode(item).uriTemplate
    except msgspec.DecodeError:
        return None
    return key if 0 < len(key) <= _KEY_CHARS_MAX else None


def _note_headers(name: str, definition: bytes, headers: dict[str, HeaderMap]) -> str | None:
    """Keep which arguments go into headers; gives the reason why the tool may not be used, if there is one."""
    try:
        declared = declared_headers(definition)
    except ValueError as cause:
        return str(cause)
    if declared:
        headers[name] = declared
    return None

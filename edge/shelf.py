"""What one backend offers, as the edge serves it: under the backend's own names, and under those of all."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import structlog

from edge.accepted.limits import USUAL, Limits
from edge.names import outer_uri
from edge.tool import Tool, UnusableTool
from shared.catalogue import Catalogue, canonical_name
from shared.json_text import depth_exceeds

log = structlog.get_logger()

_SAID_CHARS_MAX = 8_000
_DEPTH_MAX = 256
Item = dict[str, Any]


class Shelf:
    """One backend's catalogue, read. Never changed: a new catalogue makes a new shelf."""

    def __init__(self, group: str, catalogue: Catalogue, tools: Mapping[str, Tool] | None = None) -> None:
        """`tools`: what `tools_of` gives of the catalogue, where it was read before."""
        self.backend = catalogue.backend
        self.group = group
        self.hash = catalogue.hash
        self.tools: Mapping[str, Tool] = dict(tools_of(group, catalogue)) if tools is None else tools
        """By the backend's own names, in their order."""
        self.prompts = _by("name", catalogue.prompts)
        self.resources = _by("uri", catalogue.resources)
        self.templates = _by("uriTemplate", catalogue.templates)
        said = _object(catalogue.server)
        self.capabilities: Mapping[str, Any] = _dict(said.get("capabilities"))
        self.server_info: Item | None = _server_info(said)
        instructions = said.get("instructions")
        self.instructions: str | None = instructions[:_SAID_CHARS_MAX] if isinstance(instructions, str) else None
        """The backend's own words: only for the endpoint where the client has chosen it."""

    def outer_prompts(self) -> dict[str, Item]:
        """Prompts as the aggregated endpoint lists them, by their canonical names."""
        return {(name := canonical_name(self.backend, own)): item | {"name": name} for own, item in self.prompts.items()}

    def outer_resources(self) -> dict[str, Item]:
        """Resources as the aggregated endpoint lists them, by their prefixed URIs."""
        return {(uri := outer_uri(self.backend, own)): item | {"uri": uri} for own, item in self.resources.items()}

    def outer_templates(self) -> dict[str, Item]:
        """URI templates as the aggregated endpoint lists them."""
        return {(uri := outer_uri(self.backend, own)): item | {"uriTemplate": uri} for own, item in self.templates.items()}

    def differs(self, other: "Shelf | None") -> frozenset[str]:
        """Which of `tools`, `prompts` and `resources` are not the same as on another shelf."""
        if other is None:
            return frozenset({"tools", "prompts", "resources"})
        changed = set()
        if {n: t.definition.hash for n, t in self.tools.items()} != {n: t.definition.hash for n, t in other.tools.items()}:
            changed.add("tools")
        if self.prompts != other.prompts:
            changed.add("prompts")
        if (self.resources, self.templates) != (other.resources, other.templates):
            changed.add("resources")
        return frozenset(changed)


def tools_of(
    group: str, catalogue: Catalogue, former: "Shelf | None" = None, limits: Limits = USUAL
) -> Iterator[tuple[str, Tool]]:
    """The tools of a catalogue one by one, since each takes its time; those that are as on the former shelf are taken from
    there."""
    known = former.tools if former is not None and former.group == group else {}
    for definition in sorted(catalogue.tools, key=lambda tool: tool.name):
        tool = known.get(definition.name)
        if tool is not None and tool.definition == definition:
            yield definition.name, tool
            continue
        try:
            yield definition.name, Tool(group, catalogue.backend, definition, limits)
        except UnusableTool as reason:
            log.warning("tool not served", backend=catalogue.backend, tool=definition.name, reason=reason.detail)


def _by(member: str, raws: tuple[bytes, ...]) -> dict[str, Item]:
    found = {}
    for raw in raws:
        item = _object(raw)
        if isinstance(item.get(member), str):
            found[item[member]] = item
    return {key: found[key] for key in sorted(found)}


def _object(raw: bytes) -> Item:
    if not raw or depth_exceeds(raw, _DEPTH_MAX):
        return {}
    try:
        return _dict(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _dict(value: Any) -> Item:
    return value if isinstance(value, dict) else {}


def _server_info(said: Item) -> Item | None:
    """The backend's `Implementation`: a member of its own in the 2025 era, part of `_meta` since."""
    for info in (said.get("serverInfo"), _dict(said.get("_meta")).get("io.modelcontextprotocol/serverInfo")):
        if isinstance(info, dict) and isinstance(info.get("name"), str) and isinstance(info.get("version"), str):
            return info
    return None

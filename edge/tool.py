"""A tool as the edge serves it: its definition, its name to clients, and its compiled schema."""

import hashlib
from typing import Any

import jsonschema_rs
import msgspec

from edge.accepted.definition import accept
from edge.accepted.limits import USUAL, Limits
from edge.accepted.well_formed import titled, well_formed
from edge.misfits import misfit, told
from shared.catalogue import ToolDefinition, canonical_name, is_keyed
from shared.errors import InvalidArguments, InvalidInput, MeshError
from shared.json_text import depth_exceeds
from shared.messages import CallClass
from shared.scopes import needed_for

_encode = msgspec.json.Encoder().encode
_HEADER_MARK = b'"x-mcp-header"'
_DEPTH_MAX = 256
"""Workers vet more strictly; this holds for whatever is signed. How deep a parser goes depends on the Python."""
_PROBLEMS_MAX = 5
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=20_000)
"""A pattern is the upstream's, and looked at in the edge's one thread, for each text of a list: one with back-references
that is not decided after so many steps, some tenths of a millisecond, fits nothing. All others take no steps back."""


class UnusableTool(MeshError):
    """The definition can't be served; the detail says why."""

    code = "configuration"


class Tool:
    """One tool of the catalogue."""

    __slots__ = (
        "_validator",
        "accepted",
        "access",
        "backend",
        "definition",
        "group",
        "has_param_headers",
        "input_schema",
        "listed",
        "listed_plain",
        "mark",
        "name",
    )

    def __init__(self, group: str, backend: str, definition: ToolDefinition, limits: Limits = USUAL) -> None:
        """Raises UnusableTool for a definition that no client could use."""
        self.group = group
        self.backend = backend
        self.definition = definition
        self.access: CallClass = definition.access
        self.name = canonical_name(backend, definition.name)
        if depth_exceeds(definition.definition, _DEPTH_MAX):
            raise UnusableTool(f"its definition nests deeper than {_DEPTH_MAX}")
        try:
            described = msgspec.json.decode(definition.definition)
            self.input_schema: dict[str, Any] = described["inputSchema"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError) as cause:
            raise UnusableTool("its definition is not an MCP tool") from cause
        if not isinstance(self.input_schema, dict) or self.input_schema.get("type") != "object":
            raise UnusableTool("its inputSchema is not an object schema")
        self.has_param_headers = _HEADER_MARK in definition.definition
        described = well_formed(described)
        described["annotations"] = _annotations(described.get("annotations"), self.access, keyed=is_keyed(definition))
        described = _secured(described, [{"type": "oauth2", "scopes": [needed_for(self.access)]}])
        self.listed_plain: dict[str, Any] = described | {"name": definition.name}
        """As the backend has it, under its own name."""
        self.accepted = accept(described, definition.definition, limits)
        self.listed: dict[str, Any] = _repaired(titled(self.accepted.described, definition.name), self.accepted.repairs)
        """As every client accepts it, under its canonical name, unless `accepted` says that it can't be listed."""
        self.listed["name"] = self.name
        self.mark = mark_of(self.listed)
        self._validator: Any = None

    def validate(self, arguments: dict[str, Any]) -> None:
        """validate: refuse arguments that the schema does not allow, naming the place (RFC 6901), never the value."""
        if self._validator is None:
            # Compiled at the first call: a catalogue may have thousands of tools, and few are called.
            try:
                self._validator = jsonschema_rs.validator_for(
                    self.input_schema, offline=True, mask="the value", pattern_options=_PATTERNS
                )
            except (ValueError, jsonschema_rs.ValidationError) as cause:
                raise UnusableTool(f"The input schema of {self.name} can't be compiled.") from cause
        if self._validator.is_valid(arguments):
            return
        problems = []
        properties = self.input_schema.get("properties", {})
        for error in self._validator.iter_errors(arguments):
            problems.append(misfit(error, arguments, properties))
            if len(problems) == _PROBLEMS_MAX:
                break
        refused = InvalidInput if self.definition.declared else InvalidArguments
        raise refused(
            f"The arguments of {self.name} don't match its input schema. {told(problems, properties)}",
            data={"pointer": problems[0]["pointer"] if problems else "", "problems": problems},
        )


def mark_of(listed: dict[str, Any]) -> str:
    """What tells a tool, as it is listed, from what it was before: the first 16 hex digits of a SHA-256."""
    return hashlib.sha256(_encode(listed)).hexdigest()[:16]


def callable_by_anyone(listed: dict[str, Any]) -> dict[str, Any]:
    """A tool as it is listed where the anonymous caller may use it."""
    return _secured(listed, [{"type": "noauth"}])


def callable_by_readers(listed: dict[str, Any]) -> dict[str, Any]:
    """A tool as it is listed where a token that is good for reading will do, whatever the tool's class: what it does beyond
    that is looked at when it does it."""
    return _secured(listed, [{"type": "oauth2", "scopes": [needed_for("read")]}])


def under(listed: dict[str, Any], name: str) -> dict[str, Any]:
    """A tool as it is listed by another name than its canonical one, which is told to programs."""
    if name == listed["name"]:
        return listed
    return listed | {"name": name, "_meta": {**listed["_meta"], "toolmesh/canonicalName": listed["name"]}}


def _repaired(described: dict[str, Any], repairs: tuple[str, ...]) -> dict[str, Any]:
    """A copy that says what was done to it, where nothing but programs look."""
    if not repairs:
        return dict(described)
    return described | {"_meta": {**described["_meta"], "toolmesh/repairs": list(repairs)}}


def _secured(described: dict[str, Any], schemes: list[dict[str, Any]]) -> dict[str, Any]:
    """What it takes to call a tool, as ChatGPT reads it: at the tool, and the same in `_meta`, which no parser drops. An
    upstream's own schemes are about itself, and no client of ours could follow them."""
    meta = described.get("_meta")
    return described | {
        "securitySchemes": schemes,
        "_meta": (meta if isinstance(meta, dict) else {}) | {"securitySchemes": schemes},
    }


def _annotations(upstream: Any, access: CallClass, *, keyed: bool) -> dict[str, Any]:
    """Annotations derived from the class; an upstream's own hints are believed only where they make a tool look worse.

    MCP says of annotations that a client must not trust them; the operator's class is what we answer for.
    """
    hints = dict(upstream) if isinstance(upstream, dict) else {}
    if not isinstance(hints.get("title", ""), str):
        del hints["title"]
    reads = access == "read"
    hints["readOnlyHint"] = reads
    hints["destructiveHint"] = False if reads else hints.get("destructiveHint") is not False
    hints["idempotentHint"] = access == "read" or (access == "idempotent" and not keyed)
    hints["openWorldHint"] = hints.get("openWorldHint") is not False
    return hints

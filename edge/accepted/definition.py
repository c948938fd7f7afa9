"""A tool's definition as every client accepts it, and what was done to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import structlog

from edge.accepted.fitted import fits_property
from edge.accepted.limits import Limits
from edge.accepted.nested_names import CantRepair, may_be_odd, told_in_words
from edge.accepted.property_names import renamed
from edge.accepted.references import TooIntricate, mended, without_unused
from edge.accepted.root import CONDITIONS, REFUSED, flattened
from edge.accepted.shrinking import noted, shrunk
from edge.accepted.subschemas import Schema
from edge.accepted.weight import excess

log = structlog.get_logger()

Item = dict[str, Any]
_SHORTENED = "This definition is shortened; calls are checked against all of it."


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a definition."""

    described: Item
    """As it is listed, but for its name; as it came where nothing had to be done, or nothing helps."""
    repairs: tuple[str, ...] = ()
    """What was done, in words for the operator."""
    refused: str = ""
    """Why it can't be listed; empty where it can."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Property of the arguments as it is listed → as the backend knows it."""


def accept(described: Item, text: bytes, limits: Limits) -> Accepted:
    """Make a definition fit. `described` has an input schema that is an object; `text`: the same as JSON, as it came."""
    original: Schema = described["inputSchema"]
    repairs: list[str] = []
    notes: list[str] = []
    found = described
    own: Mapping[str, str] = {}
    try:
        if _needs_repair(original, text):
            schema, own = _repaired(original, notes, repairs)
            found = {**described, "inputSchema": schema}
        if _output_unfit(described):
            found = {name: value for name, value in found.items() if name != "outputSchema"}
            repairs.append("its outputSchema, which is not a plain object at the root, is left out")
        if reason := excess(noted(found, notes, limits), limits):
            notes.append(_SHORTENED)
            smaller = shrunk(found, notes, limits)
            if smaller is None:
                raise CantRepair(reason)
            found = smaller[0]
            repairs += smaller[1]
        if found["inputSchema"] is not original and not _compiles(found["inputSchema"]):
            raise CantRepair("its schema can't be taken apart: what comes of it does not compile")
    except (CantRepair, TooIntricate) as reason:
        return Accepted(described, refused=str(reason))
    except Exception:
        log.exception("definition not looked at", tool=str(described.get("name"))[:128])
        return Accepted(described, refused="it could not be looked at; the log has the error")
    return Accepted(noted(found, notes, limits), tuple(repairs), renamed=own)


def _needs_repair(schema: Schema, text: bytes) -> bool:
    if not REFUSED.isdisjoint(schema):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) and not all(map(fits_property, properties)):
        return True
    return may_be_odd(text) and told_in_words(schema) is not schema


def _repaired(original: Schema, notes: list[str], repairs: list[str]) -> tuple[Schema, Mapping[str, str]]:
    """The schema with a plain root and names that fit. Raises CantRepair, TooIntricate."""
    part, said = flattened(original)
    if not REFUSED.isdisjoint(original):
        repairs.append("the root of its schema is shown flat, without references and combinations")
    part, own, lost = renamed(part)
    if own:
        names = ", ".join(f"{name[:64]!r} as {alias!r}" for alias, name in own.items())
        repairs.append(f"properties have other names: {names[:500]}")
    notes += said
    if lost and CONDITIONS not in notes:
        notes.append(CONDITIONS)
    schema = without_unused(mended(part.as_schema(), original, root_renamed=bool(own)))
    told = told_in_words(schema)
    if told is not schema:
        repairs.append("nested properties whose names clients refuse are told in words")
    return told, own


def _output_unfit(described: Item) -> bool:
    schema = described.get("outputSchema")
    if schema is None:
        return False
    return not isinstance(schema, dict) or schema.get("type") != "object" or not REFUSED.isdisjoint(schema)


def _compiles(schema: Schema) -> bool:
    try:
        jsonschema_rs.validator_for(schema, offline=True)
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True

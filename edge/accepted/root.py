"""The root of an input schema without what clients refuse there: references and combinations.

Anthropic's API refuses `anyOf`, `oneOf` and `allOf` at the root, OpenAI's also `enum` and `not`; a reference or a condition
there is read by few.
"""

from dataclasses import replace
from typing import Any

from edge.accepted.alternatives import alternatives
from edge.accepted.part import Part, both, either
from edge.accepted.references import NOWHERE, TooIntricate, at
from edge.accepted.subschemas import Schema

REFUSED = frozenset(
    {"$dynamicRef", "$recursiveRef", "$ref", "allOf", "anyOf", "const", "else", "enum", "if", "not", "oneOf", "then"}
)
CONDITIONS = "Further conditions on the arguments, which this schema does not show, are checked when the tool is called."
_VISITS_MAX = 2_000
_NAMES_PER_VISIT = 10
"""So many properties of alternatives count like a schema."""
_DEPTH_MAX = 32
_ONLY_AT_THE_ROOT = ("$anchor", "$defs", "$dynamicAnchor", "$id", "$schema", "definitions", "id")
_REFERENCE_ALONE = ("draft-03", "draft-04", "draft-06", "draft-07")
"""Dialects in which nothing counts beside a `$ref`."""


def flattened(schema: Schema) -> tuple[Part, list[str]]:
    """The schema, flat, and what is to be said to whoever calls. Raises TooIntricate."""
    work = _Flattening(schema)
    part = work.flat(schema, frozenset(), 0)
    if part is None:  # nothing fits; the backend may think otherwise
        part = work.own(schema, at_root=True)
        work.left_out = True
    said = work.said + ([CONDITIONS] if work.left_out else [])
    return part, said


class _Flattening:
    """Of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        dialect = schema.get("$schema")
        self._alone = isinstance(dialect, str) and any(name in dialect for name in _REFERENCE_ALONE)
        self._visits = 0
        self.said: list[str] = []
        self.left_out = False
        """Whether a condition was."""

    def flat(self, node: Any, trail: frozenset[str], depth: int) -> Part | None:
        """A schema as a part; None where no object fits it."""
        if node is False:
            return None
        if not isinstance(node, dict):
            return Part()
        self._count(1 if depth <= _DEPTH_MAX else _VISITS_MAX)
        if not _takes_objects(node.get("type")):
            return None
        at_root = node is self._schema
        reference = node.get("$ref")
        if isinstance(reference, str) and self._alone:
            own = Part(rest={key: node[key] for key in _ONLY_AT_THE_ROOT if key in node} if at_root else {})
            return self._joined(own, self._referred(reference, trail, depth))
        found: Part | None = self.own(node, at_root=at_root)
        if isinstance(reference, str):
            found = self._joined(found, self._referred(reference, trail, depth))
        if node.keys() & {"$dynamicRef", "$recursiveRef", "const", "enum", "if", "not"}:
            self.left_out = True
        for each in _list(node.get("allOf")):
            found = self._joined(found, self.flat(each, trail, depth + 1))
        for keyword in ("anyOf", "oneOf"):
            if keyword in node:
                found = self._joined(found, self._either(keyword, _list(node[keyword]), trail, depth))
        if "if" in node:
            found = self._joined(found, self._conditional(node, trail, depth))
        return None if found is None else self._closed(found, node)

    def _count(self, visits: int) -> None:
        self._visits += visits
        if self._visits > _VISITS_MAX:
            raise TooIntricate("the alternatives at the root of its schema are too many to be shown as one")

    def own(self, node: Schema, *, at_root: bool) -> Part:
        """What a schema says by itself, without references and combinations."""
        rest = {
            keyword: value
            for keyword, value in node.items()
            if keyword not in REFUSED
            and keyword not in ("type", "properties", "required", "unevaluatedProperties")
            and (at_root or keyword not in _ONLY_AT_THE_ROOT)
        }
        properties, required = node.get("properties"), node.get("required")
        if isinstance(properties, dict) and not properties:
            rest["properties"] = {}
        return Part(
            properties if isinstance(properties, dict) else {},
            {},
            tuple(name for name in _list(required) if isinstance(name, str)),
            rest,
            any(name in rest for name in ("dependentSchemas", "dependencies")),
        )

    def _referred(self, reference: str, trail: frozenset[str], depth: int) -> Part | None:
        target = at(self._schema, reference)
        if target is NOWHERE or reference in trail or target is self._schema:
            # To itself it says nothing new; to nowhere it does not compile, and no call of the tool succeeds anyway.
            return Part(opened=True)
        return self.flat(target, trail | {reference}, depth + 1)

    def _either(self, keyword: str, choices: list[Any], trail: frozenset[str], depth: int) -> Part | None:
        said, self.said = self.said, []  # of what is within a choice, its words are enough
        parts = [part for each in choices if (part := self.flat(each, trail, depth + 1)) is not None]
        self.said = said
        if not parts:
            return None
        self._count(sum(len(part.properties) + len(part.partial) for part in parts) // _NAMES_PER_VISIT)
        if len(parts) > 1:
            self.said.append(alternatives(parts, exactly=keyword == "oneOf"))
        return either(parts)

    def _conditional(self, node: Schema, trail: frozenset[str], depth: int) -> Part | None:
        said, self.said = self.said, []
        parts = [self.flat(node.get(keyword, True), trail, depth + 1) for keyword in ("then", "else")]
        self.said = said
        fitting = [part for part in parts if part is not None]
        if not fitting:
            return None
        return replace(either(fitting), opened=True)  # `if` may look at others still

    @staticmethod
    def _joined(one: Part | None, other: Part | None) -> Part | None:
        if one is None or other is None:
            return None
        return both(one, replace(other, opened=other.opened or other.rest.get("additionalProperties", False) is not False))

    def _closed(self, part: Part, node: Schema) -> Part:
        """With what `unevaluatedProperties` says, which counts what the combinations beside it name."""
        if "unevaluatedProperties" not in node or "additionalProperties" in part.rest:
            return part
        if node["unevaluatedProperties"] is False and not part.opened:
            return replace(part, rest={**part.rest, "additionalProperties": False})
        self.left_out = True
        return replace(part, opened=True)


def _takes_objects(kind: Any) -> bool:
    return kind is None or kind == "object" or (isinstance(kind, list) and "object" in kind)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""Definitions that an upstream listed: what is fit to be shown and compiled, and what is not."""

from typing import Any

import msgspec
import pytest

from shared.settings import Settings
from workers.vetting import vet, vet_output, without_output

SETTINGS = Settings()
OBJECT: dict[str, Any] = {"type": "object"}


def tool(schema: Any = OBJECT, **more: Any) -> bytes:
    return msgspec.json.encode({"name": "tool", "inputSchema": schema, **more})


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


GOOD = {
    "plain": tool(),
    "every draft": tool(OBJECT | {"$schema": "http://json-schema.org/draft-07/schema#"}),
    "references within": tool(OBJECT | {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}),
    "recursive": tool(OBJECT | {"properties": {"child": {"$ref": "#"}}}),
    "refers to itself": tool(OBJECT | {"$ref": "#"}),
    "a property named $ref": tool(OBJECT | {"properties": {"$ref": {"type": "string"}}}),
    "data that looks like a reference": tool(OBJECT | {"default": {"$ref": "http://127.0.0.1:9/"}}),
    "slow pattern": tool(OBJECT | {"properties": {"a": {"pattern": "^(a+)+$"}}}),
    "output schema": tool(outputSchema=OBJECT),
    "unknown members": tool(**{"x-more": [1], "annotations": {"x": 1}}),
    "nested": tool(nested(20)),
}

BAD = {
    "name with a slash": (msgspec.json.encode({"name": "a/b", "inputSchema": OBJECT}), "name"),
    "name with a line break": (msgspec.json.encode({"name": "a\n", "inputSchema": OBJECT}), "name"),
    "name in Cyrillic": (msgspec.json.encode({"name": "g\u0435t", "inputSchema": OBJECT}), "name"),
    "no name": (msgspec.json.encode({"inputSchema": OBJECT}), "not a tool"),
    "long name": (msgspec.json.encode({"name": "a" * 129, "inputSchema": OBJECT}), "name"),
    "no schema": (msgspec.json.encode({"name": "a"}), "not a tool"),
    "schema is true": (tool(True), "not an object"),
    "no type": (tool({}), "type"),
    "several types": (tool({"type": ["object"]}), "type"),
    "another type": (tool({"type": "array"}), "type"),
    "remote reference": (tool(OBJECT | {"properties": {"a": {"$ref": "https://127.0.0.1:9/s"}}}), "leads out"),
    "file reference": (tool(OBJECT | {"$ref": "file:///etc/passwd"}), "leads out"),
    "relative reference": (tool(OBJECT | {"$ref": "other.json"}), "leads out"),
    "remote dynamic reference": (tool(OBJECT | {"$dynamicRef": "http://127.0.0.1:9/#a"}), "leads out"),
    "reference to nothing": (tool(OBJECT | {"$ref": "#/nowhere"}), "compile"),
    "unknown dialect": (tool(OBJECT | {"$schema": "http://127.0.0.1:9/dialect"}), "compile"),
    "broken pattern": (tool(OBJECT | {"properties": {"a": {"pattern": "("}}}), "compile"),
    "exploding pattern": (tool(OBJECT | {"properties": {"a": {"pattern": "((a{1,1000}){1,1000}){1,1000}"}}}), "compile"),
    "wrong keyword": (tool(OBJECT | {"required": "a"}), "compile"),
    "deep": (tool(nested(33)), "deeper"),
    "very deep": (tool(nested(400)), "deeper"),
    "wide": (tool(OBJECT | {"enum": list(range(2_001))}), "nodes"),
    "fat": (tool(OBJECT | {"description": "x" * 256 * 1024}), "bytes"),
    "fat beside the schema": (tool(description="x" * 600_000), "bytes"),
    "not JSON": (b"{", "not a tool"),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_fit_definition_passes(case: str) -> None:
    assert vet(GOOD[case], SETTINGS) is None


BAD_OUTPUTS: dict[str, tuple[Any, str]] = {
    "another type": ({"type": "string"}, "type"),
    "null": (None, "not an object"),
    "a reference that leads out": (OBJECT | {"$ref": "https://127.0.0.1:9/s"}, "leads out"),
    "does not compile": (OBJECT | {"required": "a"}, "compile"),
    "fat": (OBJECT | {"description": "x" * 256 * 1024}, "bytes"),
}


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_an_output_schema_that_is_not_fit_is_no_reason_to_leave_the_tool_out(case: str) -> None:
    schema, reason = BAD_OUTPUTS[case]
    definition = tool(outputSchema=schema, **{"x-kept": [1.50]})
    assert vet(definition, SETTINGS) is None
    assert reason in (vet_output(definition, SETTINGS) or "")
    assert msgspec.json.decode(without_output(definition)) == msgspec.json.decode(tool(**{"x-kept": [1.5]}))


def test_an_output_schema_that_is_fit_stays() -> None:
    assert vet_output(tool(outputSchema=OBJECT), SETTINGS) is None
    assert vet_output(tool(), SETTINGS) is None


@pytest.mark.parametrize("case", BAD)
def test_an_unfit_definition_is_told_with_its_reason(case: str) -> None:
    definition, reason = BAD[case]
    assert reason in (vet(definition, SETTINGS) or "")


def test_the_limits_are_those_of_the_settings() -> None:
    assert vet(tool(nested(20)), Settings(json_depth_max=10)) is not None
    assert vet(tool(nested(20)), Settings(schema_nodes_max=10)) is not None
    assert vet(tool(nested(20)), Settings(schema_bytes_max=10)) is not None

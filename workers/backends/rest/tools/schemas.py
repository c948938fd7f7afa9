"""Input schemas (JSON Schema 2020-12) of a file's tools.

Nothing but what is declared may be given (DADL 0.2: undeclared arguments are refused). null is taken where it means
something: for a parameter of a JSON body that may be left out.
"""

from collections.abc import Mapping
from typing import Any

from workers.backends.rest.dadl.tool import Param

Schema = dict[str, Any]

_FILE_NOTE = "A URL of the file: https, http or data."
_KINDS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "array": {"type": "array", "items": {}},
    "object": {"type": "object"},
    "file_url": {"type": "string"},
}
"""`items`, though it says nothing, since there are clients that refuse an array without it."""


def input_schema(params: Mapping[str, Param], *, json_body: bool) -> Schema:
    """The schema of the arguments. `json_body`: parameters of the body are sent as JSON."""
    definitions: Schema = {}
    properties = {name: _property(param, definitions, nullable=json_body) for name, param in params.items()}
    schema: Schema = {"type": "object", "properties": properties}
    if required := [name for name, param in params.items() if param.required]:
        schema["required"] = required
    schema["additionalProperties"] = False
    if definitions:
        schema["$defs"] = definitions
    return schema


def _property(param: Param, definitions: Schema, *, nullable: bool) -> Schema:
    found = _typed(param, definitions)
    if nullable and param.place == "body" and not param.required and param.type != "file_url":
        found = _or_null(found)
    text = param.description
    if param.type == "file_url":
        text = f"{text.rstrip('.')}. {_FILE_NOTE}" if text else _FILE_NOTE
    if text:
        found["description"] = text
    if param.default is not None:
        found["default"] = param.default
    return found


def _typed(param: Param, definitions: Schema) -> Schema:
    if param.schema is None:
        return dict(_KINDS[param.type])
    definitions.update(param.schema.get("$defs", {}))
    return {key: value for key, value in param.schema.items() if key != "$defs"}


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return schema | {"type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}

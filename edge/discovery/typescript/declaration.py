"""One tool as a declaration: `function github_create_issue(args: {…}): Promise<any>;`."""

from typing import Any

from edge.discovery.entry import Entry
from edge.discovery.typescript.text import comment, in_line, literal, shortened
from edge.discovery.typescript.types import SCHEMAS_MAX, Types
from edge.tool import Tool
from shared.catalogue import RETURNS

_INDENT = "  "
_DESCRIPTION_CHARS_MAX = 1_000
_CHARS_MAX = 8_000
"""Of the types of one tool among others; what is larger is shown with fewer parts."""
_SCHEMAS_MAX = (SCHEMAS_MAX, 60, 15, 1)


def declaration(entry: Entry, *, callable_as: str | None, number: int = 0, whole: bool = False) -> str:
    """The lines of one tool, for the inside of `declare namespace toolmesh { … }`.

    `callable_as`: the name behind the dot; None where a script has to write `toolmesh["name"]`, which no declaration of a
    function can say: it is shown as a type, whose name ends with `number`. `whole`: nothing of it is cut.
    """
    if whole or callable_as is None:
        return _written(entry, callable_as, number, whole=whole)
    if not entry.declared:
        entry.declared = _written(entry, callable_as, number, whole=False)
    return entry.declared


def _written(entry: Entry, callable_as: str | None, number: int, *, whole: bool) -> str:
    tool = entry.tool
    said = entry.description.strip() if whole else shortened(entry.description.strip(), _DESCRIPTION_CHARS_MAX)
    head = comment(f"{said}\n@access {tool.access}".lstrip(), _INDENT)
    for schemas_max in _SCHEMAS_MAX:
        args, given = _arguments(tool, schemas_max), _result(tool, schemas_max)
        if whole or len(args) + len(given) <= _CHARS_MAX:
            break
    if callable_as is not None:
        return f"{head}{_INDENT}function {callable_as}({args}): Promise<{given}>;\n"
    called = in_line(f"toolmesh[{literal(entry.name)}](args)", 300)
    return f"{head}{_INDENT}// Call it as {called}\n{_INDENT}type tool_{number} = ({args}) => Promise<{given}>;\n"


def _arguments(tool: Tool, schemas_max: int) -> str:
    mark = "" if tool.input_schema.get("required") else "?"
    return f"args{mark}: {Types(tool.input_schema, schemas_max).of(tool.input_schema, _INDENT)}"


def returned(tool: Tool) -> dict[str, Any] | None:
    """JSON Schema of the result, where one is known."""
    described = tool.listed_plain
    schema = described.get("outputSchema", described["_meta"].get(RETURNS))
    return schema if isinstance(schema, dict) else None


def _result(tool: Tool, schemas_max: int) -> str:
    """What a script gets: the structured result, where the tool says how that looks, or the words of who described it."""
    schema = tool.listed_plain.get("outputSchema")
    if isinstance(schema, dict):
        return Types(schema, schemas_max).of(schema, _INDENT)
    said = tool.listed_plain["_meta"].get(RETURNS)
    return Types(said, schemas_max).of(said, _INDENT) if isinstance(said, dict) else "any"

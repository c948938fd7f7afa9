"""The caller's own jq program: a further argument of tools that allow it (`allow_jq_override`)."""

from collections.abc import Mapping
from typing import Any

from workers.backends.rest.dadl.tool import Tool

_DESCRIPTION = (
    "Optional jq program that is run on the result before you get it: take what you need, and a large answer becomes a "
    "small one. Example: `map({id, name})` or `length`."
)


def override_name(tool: Tool) -> str | None:
    """What the argument is called: `jq`, or with `_` before it where the tool has one of that name. None: it has none."""
    if not tool.response.allow_jq_override:
        return None
    name = "jq"
    while name in tool.params:
        name = "_" + name
    return name


def override_property() -> dict[str, str]:
    """JSON Schema of the argument."""
    return {"type": "string", "description": _DESCRIPTION}


def split_override(tool: Tool, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """The tool's own arguments, and the caller's program if there is one."""
    name = override_name(tool)
    if name is None or name not in arguments:
        return arguments, None
    program = arguments[name]
    rest = {key: value for key, value in arguments.items() if key != name}
    return rest, program if isinstance(program, str) and program.strip() else None

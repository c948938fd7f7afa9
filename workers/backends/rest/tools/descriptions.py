"""What models read of a tool: its description, that it is deprecated, what it returns, and the author's hints."""

from collections.abc import Sequence

from workers.backends.rest.dadl.composite import Composite
from workers.backends.rest.dadl.tool import Tool


def tool_description(tool: Tool, workflows: Sequence[str] = ()) -> str:
    """Of one operation. `workflows`: lines that say what it is used for together with others."""
    parts = [_deprecation(tool) + tool.description if tool.deprecated else tool.description]
    if tool.hints:
        parts.append(_hints(tool.hints))
    if workflows:
        parts.append("\n".join(f"Example: {line}" for line in workflows))
    if tool.returns_text:
        parts.append(f"Returns: {tool.returns_text}")
    return "\n\n".join(part for part in parts if part)


def composite_description(composite: Composite) -> str:
    """Of a script."""
    return "\n\n".join(part for part in (composite.description, _hints(composite.hints)) if part)


def _deprecation(tool: Tool) -> str:
    reason = f": {tool.deprecation.rstrip('.')}" if tool.deprecation else ""
    instead = f"; use {tool.replaced_by} instead" if tool.replaced_by else ""
    return f"DEPRECATED{reason}{instead}. "


def _hints(hints: dict[str, str]) -> str:
    lines = [f"- {name.replace('_', ' ')}: {' '.join(text.split())}" for name, text in hints.items()]
    return "\n".join(["Hints:", *lines]) if lines else ""

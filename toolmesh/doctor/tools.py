"""10: the tools themselves. One that a client refuses may take the whole connector down, or vanish without a word."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from toolmesh.doctor import tool_rules
from toolmesh.doctor.behind import TOOLS, is_open, listed_tools
from toolmesh.doctor.clock import ECHO_TIME
from toolmesh.doctor.odd_requests import call
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.tool_rules import Tool
from toolmesh.doctor.visit import LEGACY, Visit

CHECKS = {
    "tools.names": "Each name is of A-Z, a-z, 0-9, _ and -, and has 64 characters at most.",
    "tools.twice": "No name is there twice.",
    "tools.count": "There are 30 tools at most; above 100 models lose their way.",
    "tools.schemas": "Each input schema is one of an object, and compiles.",
    "tools.root": "There is no `anyOf`, `oneOf`, `allOf`, `$ref` or the like at the root of an input schema.",
    "tools.references": "No input schema refers to another host or file.",
    "tools.properties": "Names of properties are of A-Z, a-z, 0-9, _, . and -, and have 64 characters at most.",
    "tools.schema_size": "Each input schema has 16 KiB at most: Claude drops larger ones without a word.",
    "tools.tokens": "Each definition has less than 5,000 tokens (of about 4 bytes): ChatGPT refuses larger ones.",
    "tools.descriptions": "Each tool has a description, of 2,048 characters at most.",
    "tools.hints": "Each tool says if it reads only, destroys, and reaches the world outside.",
    "tools.reserved": "`search` and `fetch` are what OpenAI's deep research takes them for.",
    "tools.output": "Each output schema is one of an object, and compiles.",
    "tools.sample": "A result is made of what the protocol has, and fits its output schema.",
}
_MANY, _TOO_MANY = 30, 100
_SHOWN = 5
_CONTENT = frozenset({"text", "image", "audio", "resource", "resource_link"})
_TOOLMESH = "ToolMesh repairs or leaves out what a backend lists like that; for another server, mend it there."

Rule = Callable[[Tool], str]


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    if not is_open(visit, report, "tools.answered"):
        return
    if TOOLS not in visit.learned.notes:
        report.skipped("tools.answered", "Not looked at: there was no list of tools (mcp.list).")
        return
    tools = listed_tools(visit)
    _check_names(visit, report, tools)
    _check_count(report, tools)
    _check_schemas(report, tools)
    _check_sizes(visit, report, tools)
    _check_words(report, tools)
    await _check_sample(visit, report, tools)


def _check_names(visit: Visit, report: Report, tools: list[Tool]) -> None:
    lead = (
        "Claude refuses a connector for one bad name" if visit.persona.name == "claude" else "Clients refuse the connector"
    )
    _judge(
        report,
        "tools.names",
        tools,
        tool_rules.bad_name,
        f"{lead}, or leave the tool out",
        f"Call it by letters, digits, _ and - alone. {_TOOLMESH}",
        "Clients take all names.",
    )
    twice = [name for name, times in Counter(str(tool.get("name")) for tool in tools).items() if times > 1]
    if twice:
        report.failed(
            "tools.twice",
            f"Listed twice: {_some(map(quoted, twice), len(twice))}. Clients refuse the list, or call either of the two.",
            "Give each tool a name of its own; look if two backends offer the same one.",
        )
    else:
        report.passed("tools.twice", "Each name is there once.")


def _check_count(report: Report, tools: list[Tool]) -> None:
    fix = "Give this user fewer tools (docs/authorization.md), or connect one backend alone (/mcp/b/NAME)."
    said = f"There are {len(tools)} tools"
    if len(tools) > _TOO_MANY:
        report.failed("tools.count", f"{said}: models choose badly among so many, and APIs take 128 at most.", fix)
    elif len(tools) > _MANY:
        report.warned("tools.count", f"{said}: models choose worse above 30.", fix)
    else:
        report.passed("tools.count", f"{said}.")


def _check_schemas(report: Report, tools: list[Tool]) -> None:
    lost = "Clients refuse the tool, or the whole list"
    _judge(
        report,
        "tools.schemas",
        tools,
        tool_rules.bad_schema,
        lost,
        f"Make inputSchema a valid JSON Schema with `type: object`. {_TOOLMESH}",
        "All input schemas compile.",
    )
    _judge(
        report,
        "tools.root",
        tools,
        tool_rules.refused_at_root,
        "Anthropic's and OpenAI's APIs refuse the whole request",
        f"Put alternatives into a property, or merge them into one object. {_TOOLMESH}",
        "All input schemas are plain objects at the root.",
    )
    _judge(
        report,
        "tools.references",
        tools,
        tool_rules.remote_references,
        "No client fetches it: the schema does not compile",
        "Put the definition into `$defs` of the schema itself.",
        "No input schema refers to elsewhere.",
    )
    _judge(
        report,
        "tools.properties",
        tools,
        tool_rules.bad_property,
        "APIs refuse the whole request",
        f"Call properties by letters, digits, _, . and - alone. {_TOOLMESH}",
        "Clients take all names of properties.",
    )
    _judge(
        report,
        "tools.output",
        tools,
        tool_rules.bad_output_schema,
        "Clients with an SDK refuse the list, or each result",
        "Make outputSchema a valid JSON Schema with `type: object`, or leave it out.",
        "All output schemas compile.",
    )


def _check_sizes(visit: Visit, report: Report, tools: list[Tool]) -> None:
    bytes_max, tokens_max = tool_rules.SCHEMA_BYTES_MAX, tool_rules.DEFINITION_TOKENS_MAX
    _judge(
        report,
        "tools.schema_size",
        tools,
        lambda tool: f"{size} bytes" if (size := tool_rules.schema_bytes(tool)) > bytes_max else "",
        "Claude drops such a tool without a word",
        "Shorten descriptions and enumerations in the schema.",
        f"All input schemas have {bytes_max} bytes at most.",
        fails=visit.persona.name == "claude",
    )
    _judge(
        report,
        "tools.tokens",
        tools,
        lambda tool: f"about {count} tokens" if (count := tool_rules.tokens(tool)) >= tokens_max else "",
        "ChatGPT refuses the whole connector",
        "Shorten the description and large enumerations.",
        f"All definitions have less than {tokens_max} tokens, by estimate.",
        fails=visit.persona.name == "chatgpt",
    )


def _check_words(report: Report, tools: list[Tool]) -> None:
    _judge(
        report,
        "tools.descriptions",
        tools,
        tool_rules.bad_description,
        "The model does not learn what it is for",
        "Describe it in a few sentences, the essentials first.",
        "All tools are described.",
        fails=False,
    )
    _judge(
        report,
        "tools.hints",
        tools,
        tool_rules.missing_hints,
        "What is not said to be read-only is taken for a write: a question at each call",
        "Set readOnlyHint, destructiveHint and openWorldHint on each tool (ToolMesh: `class:` in backends.yaml).",
        "All tools say what they do.",
        fails=False,
    )
    _judge(
        report,
        "tools.reserved",
        tools,
        tool_rules.reserved,
        "Deep research calls it with other arguments than it takes",
        "Give it another name, or `search(query)` and `fetch(id)` the shape that OpenAI documents.",
        "No tool claims `search` or `fetch` wrongly.",
        fails=False,
    )


def _judge(
    report: Report, check: str, tools: list[Tool], rule: Rule, lead: str, fix: str, fine: str, *, fails: bool = True
) -> None:
    """One line for all tools."""
    found = [f"{quoted(tool.get('name'))} ({problem})" for tool in tools if (problem := rule(tool))]
    if not found:
        report.passed(check, fine)
        return
    said = f"{lead}: {_some(iter(found), len(found))}."
    (report.failed if fails else report.warned)(check, said, fix)


def _some(names: Any, count: int) -> str:
    shown = [each for each, _ in zip(names, range(_SHOWN), strict=False)]
    return ", ".join(shown) + (f" and {count - _SHOWN} more" if count > _SHOWN else "")


async def _check_sample(visit: Visit, report: Report, tools: list[Tool]) -> None:
    """A call of a tool that is known to be harmless."""
    tool = next((each for each in tools if each.get("name") == ECHO_TIME), None)
    if tool is None:
        report.skipped("tools.sample", "No call was made: none of the tools is known to the doctor to be harmless.")
        return
    answer = await call(visit, ECHO_TIME, {}, visit.learned.notes.get("mcp.era", LEGACY))
    result = (answer.message() or {}).get("result")
    if not isinstance(result, dict) or result.get("isError"):
        report.failed(
            "tools.sample",
            f"{ECHO_TIME} is listed, and its call failed: {answer.summary}, {quoted(result or answer.message())}.",
            "See whether a worker runs, and the log of edge and worker (docs/operate.md).",
        )
        return
    content = result.get("content")
    kinds = [each.get("type") for each in content if isinstance(each, dict)] if isinstance(content, list) else [None]
    if strange := [kind for kind in kinds if kind not in _CONTENT]:
        report.failed(
            "tools.sample",
            f"The result of {ECHO_TIME} holds content of the type {quoted(strange[0])}: ChatGPT answers with an error 424.",
            "Give text, image, audio, resource or resource_link alone.",
        )
    elif not _fits(tool.get("outputSchema"), result.get("structuredContent")):
        report.failed(
            "tools.sample",
            f"The result of {ECHO_TIME} does not fit its outputSchema: clients refuse it.",
            "Give structuredContent that fits, or no outputSchema.",
        )
    else:
        report.passed("tools.sample", f"{ECHO_TIME} was called, and gave what it should.")


def _fits(schema: Any, value: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    try:
        return bool(jsonschema_rs.validator_for(schema, offline=True).is_valid(value))
    except (ValueError, jsonschema_rs.ValidationError):
        return False

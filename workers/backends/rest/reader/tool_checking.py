"""What is wrong with a tool or a composite beyond the shape of its block."""

import re
from itertools import chain

from workers.backends.rest.dadl.composite import Composite
from workers.backends.rest.dadl.content_types import body_kind, content_type_of
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.failures import RETRIES_MAX, Errors
from workers.backends.rest.dadl.pagination import Pagination
from workers.backends.rest.dadl.tool import METHODS, Param, Tool
from workers.backends.rest.reader.authenticating import is_http_url
from workers.backends.rest.reader.checking import check_pagination
from workers.backends.rest.reader.composite_scan import called_tools, forbidden_names
from workers.backends.rest.reader.document import Document
from workers.backends.rest.reader.header_names import is_reserved, problem_of_header, problem_of_own_header
from workers.backends.rest.reader.problem import At, Problems

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HOST_WITH_BRACES = re.compile(r"[a-z]+://[^/?#]*[{}]")
_MAPPED = re.compile(r"[45][0-9][0-9]")
_FITTING: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "file_url": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def check_tools(document: Document, definition: Definition, problems: Problems) -> None:
    """All tools and composites."""
    if not definition.tools:
        problems.error("backend must define at least one tool. Write it under `tools:`.", "backend", "tools")
    if document.backend.defaults.errors is not None:
        _check_errors(document.backend.defaults.errors, problems, "backend", "defaults", "errors")
    for name, tool in definition.tools.items():
        way = ("backend", "tools", name)
        _check_name(name, problems, *way)
        _check_tool(name, tool, definition, problems)
        written = document.backend.tools[name]
        if written.errors is not None:
            _check_errors(written.errors, problems, *way, "errors")
        if isinstance(written.pagination, Pagination):
            check_pagination(written.pagination, problems, *way, "pagination")
    for name, composite in definition.composites.items():
        _check_name(name, problems, "backend", "composites", name)
        _check_composite(name, composite, definition, problems)


def _check_name(name: str, problems: Problems, *way: At) -> None:
    if not _TOOL_NAME.fullmatch(name):
        problems.error(f"`{name[:60]}` is no name of a tool. Use at most 128 letters, digits, `_`, `.` and `-`.", *way)


def _check_tool(name: str, tool: Tool, definition: Definition, problems: Problems) -> None:
    way = ("backend", "tools", name)
    if not tool.method.strip():
        problems.error(f"tool `{name}`: method is required. Write one of {', '.join(METHODS)}.", *way, "method")
    elif tool.method not in METHODS:
        problems.error(
            f"tool `{name}`: unsupported method `{tool.method[:20]}`. Write one of {', '.join(METHODS)}.", *way, "method"
        )
    if not tool.description:
        problems.warn(f"tool `{name}` has no `description`, so nobody knows what it is for.", *way, "description")
    _check_path(name, tool, problems)
    for key, param in tool.params.items():
        if not param.injected:
            _check_param(key, param, tool, problems, *way, "params", key)
    _check_body(tool, definition, problems, *way)
    _check_idempotency(tool, definition, problems, *way)
    known = (*definition.tools, *definition.composites)
    if tool.replaced_by is not None and tool.replaced_by not in known:
        problems.breach(
            f"`{tool.replaced_by[:60]}` is no tool.{problems.nearest(tool.replaced_by, known)}", *way, "replaced_by"
        )
    for at, other in enumerate(tool.depends_on):
        if other not in known:
            problems.warn(f"`{other[:60]}` is no tool.{problems.nearest(other, known)}", *way, "depends_on", at)
    if tool.response.max_items is not None and tool.response.max_items < 1:
        problems.error("`max_items` must be 1 or more.", *way, "response", "max_items")


def _check_path(name: str, tool: Tool, problems: Problems) -> None:
    way = ("backend", "tools", name, "path")
    path = tool.path
    if not path.strip():
        problems.error(f"tool `{name}`: path is required. Write for instance `/items/{{id}}`.", *way)
        return
    for placeholder in dict.fromkeys(_PLACEHOLDER.findall(path)):
        param = tool.params.get(placeholder)
        if param is None:
            advice = problems.nearest(placeholder, tool.params)
            problems.error(f"path parameter {{{placeholder}}} not declared in params.{advice}", *way)
        elif param.place != "path":
            problems.error(
                f'parameter "{placeholder}" is used in path but declared as in="{param.place}". Write `in: path`.',
                *(*way[:3], "params", placeholder, "in"),
            )
    rest = _PLACEHOLDER.sub("", path)
    if "{" in rest or "}" in rest:
        problems.error("the path has braces that hold no name of letters, digits and `_`. Write `{name}`.", *way)
    if "://" in path.split("{", 1)[0]:
        if _HOST_WITH_BRACES.match(path):
            problems.error("the host depends on a parameter. Write a tool for each host.", *way)
        elif not is_http_url(path.split("{", 1)[0]):
            problems.error("the path is a URL that is neither http nor https. Write a path, as `/items`.", *way)
        else:
            problems.warn(
                "the path is a whole URL, so `base_url` does not count. The credential goes along only where scheme, host "
                "and port are those of `base_url`, or `credential_hosts` in backends.yaml lists the host.",
                *way,
            )
    if any(part in (".", "..") for part in re.split(r"[/\\?]", path)):
        problems.error("the path has `.` or `..` as a part. Write the path that is meant.", *way)
    if "#" in rest or re.search(r"[\x00-\x20\x7f]", rest):
        problems.error("the path has a `#`, a space or a control character. Percent-encode it.", *way)


def _check_body(tool: Tool, definition: Definition, problems: Problems, *way: At) -> None:
    content_type = content_type_of(tool, definition.headers)
    names = [name for name, param in tool.params.items() if param.place == "body"]
    has_file = any(tool.params[name].type == "file_url" for name in names)
    if has_file and len(names) > 1 and body_kind(content_type) != "multipart":
        problems.warn(
            f"a body of type `{content_type[:80]}` is the file alone, so a call that gives another parameter of the body "
            "too is refused. Write `content_type: multipart/form-data`, which has a part for each.",
            *(*way, "content_type"),
        )


def _check_param(name: str, param: Param, tool: Tool, problems: Problems, *way: At) -> None:
    if param.place == "path" and f"{{{name}}}" not in tool.path:
        problems.warn(f"parameter `{name[:60]}` is not in the path, so it is never sent.", *way)
    if param.place == "header" and (reason := problem_of_header(name)):
        problems.error(f"this parameter can't be sent: {reason}.", *way)
    _check_default(name, param, problems, *way)


def _check_default(name: str, param: Param, problems: Problems, *way: At) -> None:
    if param.default is None or param.schema is not None:
        return
    kinds = _FITTING[param.type]
    is_flag = isinstance(param.default, bool)
    if not isinstance(param.default, kinds) or (is_flag and bool not in kinds):
        problems.warn(f"the default of `{name[:60]}` is not of its type, {param.type}.", *way, "default")


def _check_idempotency(tool: Tool, definition: Definition, problems: Problems, *way: At) -> None:
    if tool.idempotency is None:
        return
    header = tool.idempotency.header
    if reason := problem_of_own_header(header):
        problems.error(f"`idempotency` names a header that can't be sent: {reason}.", *way, "idempotency", "header")
        return
    taken = {name.lower() for name in chain(definition.headers, (n for n, p in tool.params.items() if p.place == "header"))}
    if header.lower() in taken or is_reserved(header):
        problems.breach(
            f"the header `{header}` is sent already, by a parameter, a default or the runtime. Name another one.",
            *(*way, "idempotency", "header"),
        )


def _check_errors(errors: Errors, problems: Problems, *way: At) -> None:
    for key in ("retry_on", "terminal"):
        for at, status in enumerate(getattr(errors, key)):
            if not 100 <= status <= 599:
                problems.error(f"`{key}`: {status} is no HTTP status. Write one from 100 to 599.", *way, key, at)
    for at, status in enumerate(errors.terminal):
        if status in errors.retry_on:
            problems.breach(
                f"status {status} is in `retry_on` too, so it can't be said whether it is tried again.",
                *way,
                "terminal",
                at,
            )
    for status in errors.map:
        if not _MAPPED.fullmatch(status):
            problems.breach(f"`map`: `{status[:20]}` is no status of a failure (400 to 599).", *way, "map", status)
    strategy = errors.retry_strategy
    if strategy is not None and strategy.max_retries > RETRIES_MAX:
        problems.warn(
            f"`max_retries` is more than {RETRIES_MAX}, and counts as {RETRIES_MAX}.", *way, "retry_strategy", "max_retries"
        )
    elif strategy is not None and strategy.max_retries < 0:
        problems.error(f"`max_retries` must be from 0 to {RETRIES_MAX}.", *way, "retry_strategy", "max_retries")


def _check_composite(name: str, composite: Composite, definition: Definition, problems: Problems) -> None:
    way = ("backend", "composites", name)
    if name in definition.tools:
        problems.error(f"composite `{name}` has the name of a tool. Give it another one.", *way)
    if not composite.code.strip():
        problems.error(f"composite `{name}` has no code. Write the body of an async function.", *way, "code")
    if not composite.description:
        problems.error(f"composite `{name}` has no description. Say what it is for.", *way, "description")
    for at, other in enumerate(composite.depends_on):
        if other not in definition.tools:
            advice = problems.nearest(other, definition.tools)
            problems.error(f"`{other[:60]}` is no tool that a composite can call.{advice}", *way, "depends_on", at)
    for at, other in enumerate(composite.delegates):
        if other not in definition.tools:
            advice = problems.nearest(other, definition.tools)
            problems.breach(f"`{other[:60]}` is no tool that a composite can call.{advice}", *way, "delegates", at)
    for key, param in composite.params.items():
        _check_default(key, param, problems, *way, "params", key)
    for called in called_tools(composite.code):
        if called.text not in definition.tools:
            other_composite = called.text in definition.composites
            advice = (
                " A composite can't call another." if other_composite else problems.nearest(called.text, definition.tools)
            )
            problems.breach(
                f"the script calls `api.{called.text[:60]}`, which is no tool of this file.{advice}",
                *(*way, "code"),
                inner=called.line,
            )
    for used in forbidden_names(composite.code):
        problems.breach(
            f"the script uses `{used.text}`, which scripts may not use. Call tools, with `api.<tool>(…)`.",
            *(*way, "code"),
            inner=used.line,
        )

"""From a document to a definition: defaults go into tools, types into results, hints to what they are about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.classes import class_of_operation
from shared.durations import parse_duration
from shared.yaml_nodes import Mapping as MappingNode
from workers.backends.rest.dadl.about import Example
from workers.backends.rest.dadl.auth import Auth, credential_headers, credential_members
from workers.backends.rest.dadl.composite import TIMEOUT_S_MAX, TIMEOUT_S_USUAL, Composite, WrittenComposite
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.failures import RETRIES_MAX, Errors
from workers.backends.rest.dadl.pagination import PAGES_MAX, PAGES_USUAL, Pagination
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import PARAM_TYPES, Param, Place, Tool, WrittenParam, WrittenTool
from workers.backends.rest.reader.authenticating import resolve_auth
from workers.backends.rest.reader.composite_scan import called_tools, calls_only
from workers.backends.rest.reader.document import Document
from workers.backends.rest.reader.header_names import is_reserved
from workers.backends.rest.reader.problem import Problems
from workers.backends.rest.reader.result_types import ResultTypes, UnknownType
from workers.backends.rest.reader.sizes import BODY_BYTES_MAX

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_POSITIONS = {
    "cursor": ("string", "Where to go on: the cursor that the page before gave."),
    "offset": ("integer", "How many items to skip."),
    "page": ("integer", "Number of the page."),
    "link_header": ("integer", "Number of the page."),
}
"""Kind and description of the parameter that says which page is meant, by strategy."""
_WORKFLOWS_MAX = 2
"""Of one tool."""
_WORKFLOW_TOOLS_MAX = 8
_TRUTHS = {"true": True, "false": False}
"""What `deprecated` says without a reason."""


@dataclass(frozen=True, slots=True)
class Definer:
    """Makes one definition."""

    document: Document
    root: MappingNode
    problems: Problems
    types: ResultTypes

    def definition(self, digest: str, fragments: Mapping[str, str]) -> Definition:
        """The whole of it; of no use where errors were noted."""
        backend = self.document.backend
        hints = backend.hints
        auth = self._auth()
        tools = {name: self._tool(name, written, hints.get(name, {}), auth) for name, written in backend.tools.items()}
        reading = frozenset(name for name, tool in tools.items() if class_of_operation(tool.access, tool.method) == "read")
        composites = {
            name: self._composite(name, written, hints.get(name, {}), reading)
            for name, written in backend.composites.items()
        }
        return Definition(
            hash=digest,
            spec="0.2" if "v0.2" in self.document.spec else "0.1",
            name=backend.name,
            version=backend.version,
            base_url=backend.url,
            description=backend.description.strip(),
            auth=auth,
            headers=backend.defaults.headers,
            tools=tools,
            composites=composites,
            types=backend.types,
            health=backend.health,
            examples=backend.examples,
            workflows=_workflows(backend.examples),
            coverage=backend.coverage,
            setup=backend.setup,
            fragments=dict(fragments),
            credits=self.document.credits,
            source_name=self.document.source_name,
            source_url=self.document.source_url,
            date=self.document.date,
            openapi_source=backend.openapi_source,
            arazzo_source=backend.arazzo_source,
        )

    def _auth(self) -> Auth:
        backend = self.root.entries.get("backend")
        node = backend.entries.get("auth") if isinstance(backend, MappingNode) else None
        return resolve_auth(self.document.backend.auth, node, self.problems)

    def _tool(self, name: str, written: WrittenTool, hints: dict[str, str], auth: Auth) -> Tool:
        defaults = self.document.backend.defaults
        way = ("backend", "tools", name)
        params = self._params(written, way, auth)
        method = written.method.upper()
        pagination = self._pagination(written, method)
        if pagination is not None and pagination.behavior == "expose" and method == "GET":
            params = {**params, **_page_params(pagination, params)}
        deprecated = _TRUTHS.get(written.deprecated, bool(written.deprecated))
        returns, returns_text = self._returns(written.returns, way)
        nest = written.nest_body_keys
        return Tool(
            method=method,
            path=written.path,
            description=written.description.strip(),
            access=written.access,
            max_body_size=min(written.max_body_size, BODY_BYTES_MAX) if written.max_body_size else None,
            depends_on=written.depends_on,
            idempotency=written.idempotency,
            retry_unsafe=written.retry_unsafe,
            replaced_by=written.replaced_by,
            params=params,
            content_type=written.content_type or defaults.content_type,
            nest_body_keys=defaults.nest_body_keys if nest is None else nest,
            response=_response(written.response, defaults.response),
            pagination=pagination,
            errors=_errors(written.errors or defaults.errors),
            returns=returns,
            returns_text=returns_text,
            deprecated=deprecated,
            deprecation="" if written.deprecated in _TRUTHS else written.deprecated.strip(),
            hints=hints,
        )

    def _params(self, written: WrittenTool, way: tuple[str, ...], auth: Auth) -> dict[str, Param]:
        in_path = _PLACEHOLDER.findall(written.path)
        found = {}
        for name, param in written.params.items():
            place = param.place or ("path" if name in in_path else None)
            if place is None:
                self.problems.error(
                    f"parameter `{name[:60]}` has no `in`. Write `in: path`, `query`, `header` or `body`.",
                    *way,
                    "params",
                    name,
                )
                continue
            if place == "header" and (is_reserved(name) or name.lower() in credential_headers(auth)):
                self.problems.warn(
                    f"no caller may fill the header `{name}`, so this parameter is not offered. Put it into "
                    "`defaults.headers` or `auth`.",
                    *(*way, "params", name),
                )
                continue
            if place == "query" and name in credential_members(auth):
                self.problems.warn(
                    f"`{name[:60]}` holds the credential, which no caller may fill, so this parameter is not offered. "
                    "Remove it.",
                    *(*way, "params", name),
                )
                continue
            found[name] = self.param(param, place, (*way, "params", name))
        return found

    def param(self, written: Any, place: Place, way: tuple[str, ...]) -> Param:
        """A parameter of a tool or composite, with its type looked up."""
        kind, schema = written.type, None
        if kind is None:
            self.problems.error(f"parameter `{way[-1][:60]}` has no `type`. Write one of {_listed(PARAM_TYPES)}.", *way)
        elif kind not in PARAM_TYPES:
            kind, schema = self._named_type(kind, way)
        required = written.required or place == "path"
        return Param(
            type=kind or "string",
            place=place,
            required=required and (written.default is None or not isinstance(written, WrittenParam)),
            default=written.default,
            description=written.description.strip(),
            schema=schema,
        )

    def _named_type(self, kind: str, way: tuple[str, ...]) -> tuple[str, Any]:
        if kind in self.types:
            try:
                return self.types.plain_type(kind), self.types.schema(kind)
            except UnknownType:
                return "object", None  # told where the type stands
        if kind == "file":
            self.problems.error(
                "the type `file` means a file on the disk of the mesh, which no caller may name. Write `file_url`.",
                *way,
                "type",
            )
        else:
            known = (*PARAM_TYPES, *self.document.backend.types)
            advice = self.problems.nearest(kind, known) or f" Known are {_listed(PARAM_TYPES)}."
            self.problems.breach(
                f"`{kind[:40]}` is no type of a parameter; without one it is a text.{advice}", *way, "type"
            )
        return "string", None

    def _pagination(self, written: WrittenTool, method: str) -> Pagination | None:
        if written.pagination is None and method != "GET":
            return None  # what the defaults say is about lists, and those are read by GET
        chosen = self.document.backend.defaults.pagination if written.pagination is None else written.pagination
        if chosen is None or chosen == "none":
            return None
        assert isinstance(chosen, Pagination)
        pages = chosen.max_pages if chosen.max_pages > 0 else PAGES_USUAL
        return msgspec.structs.replace(chosen, max_pages=min(pages, PAGES_MAX))

    def _returns(self, written: Any, way: tuple[str, ...]) -> tuple[Any, str]:
        if written is None:
            return None, ""
        try:
            return self.types.schema(written), self.types.name(written)
        except UnknownType as reason:
            self.problems.error(f"`returns` can't be understood: {reason}", *way, "returns")
            return None, ""

    def _composite(self, name: str, written: WrittenComposite, hints: dict[str, str], reading: frozenset[str]) -> Composite:
        way = ("backend", "composites", name)
        return Composite(
            description=written.description.strip(),
            code=written.code,
            access=written.access,
            delegates=written.delegates,
            depends_on=written.depends_on,
            params={key: self.param(param, "body", (*way, "params", key)) for key, param in written.params.items()},
            timeout_s=self._timeout(written.timeout, way),
            hints=hints,
            reads=written.access in (None, "read") and calls_only(written.code, reading),
        )

    def _timeout(self, text: str, way: tuple[str, ...]) -> float:
        if not text:
            return TIMEOUT_S_USUAL
        try:
            seconds = parse_duration(text)
        except ValueError:
            self.problems.error(
                f"invalid timeout `{text[:40]}`. Write a duration, for instance `30s` or `1m30s`.", *way, "timeout"
            )
            return TIMEOUT_S_USUAL
        if seconds <= 0:
            self.problems.error("timeout must be positive. Write for instance `30s`.", *way, "timeout")
        elif seconds > TIMEOUT_S_MAX:
            self.problems.error(f"timeout `{text[:40]}` exceeds maximum 2m0s. Write less.", *way, "timeout")
        return seconds


def _workflows(examples: tuple[Example, ...]) -> dict[str, tuple[str, ...]]:
    """What tools are used together for, by the examples: for each tool a few lines."""
    found: dict[str, tuple[str, ...]] = {}
    for example in examples:
        calls = list(dict.fromkeys(name.text for name in called_tools(example.code)))
        if not 1 < len(calls) <= _WORKFLOW_TOOLS_MAX:
            continue
        line = f"{' '.join(example.name.split())}: {' → '.join(calls)}"
        for name in calls:
            if len(found.get(name, ())) < _WORKFLOWS_MAX:
                found[name] = (*found.get(name, ()), line)
    return found


def _response(own: Response | None, default: Response | None) -> Response:
    """The tool's own block replaces the default one; what is to be redacted adds up."""
    if own is None or default is None:
        return own or default or Response()
    redact = (*default.redact, *(path for path in own.redact if path not in default.redact))
    return msgspec.structs.replace(own, redact=redact)


def _errors(errors: Errors | None) -> Errors | None:
    """With no more retries than there may be."""
    strategy = errors.retry_strategy if errors is not None else None
    if errors is None or strategy is None or strategy.max_retries <= RETRIES_MAX:
        return errors
    fewer = msgspec.structs.replace(strategy, max_retries=RETRIES_MAX)
    return msgspec.structs.replace(errors, retry_strategy=fewer)


def _page_params(pagination: Pagination, declared: Mapping[str, Param]) -> dict[str, Param]:
    """The parameters by which a caller asks for a page, but for those that the tool declares itself."""
    request = pagination.request
    found = {}
    name = pagination.position_param
    if name and name not in declared:
        kind, said = _POSITIONS[pagination.strategy]
        found[name] = Param(type=kind, place="query", description=said, injected=True)
    if request.limit_param and request.limit_param not in declared:
        default = request.limit_default
        said = "How many items a page has."
        found[request.limit_param] = Param(type="integer", place="query", default=default, description=said, injected=True)
    return found


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)

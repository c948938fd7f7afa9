"""What is wrong with a definition beyond the shape of its blocks: names that lead nowhere, limits, contradictions."""

import re
from collections.abc import Mapping

from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.pagination import PAGES_MAX, Pagination
from workers.backends.rest.dadl.tool import METHODS
from workers.backends.rest.reader.authenticating import is_http_url
from workers.backends.rest.reader.composite_scan import called_tools
from workers.backends.rest.reader.document import Document
from workers.backends.rest.reader.features import FEATURES
from workers.backends.rest.reader.header_names import is_transport, problem_of_header
from workers.backends.rest.reader.problem import At, Problems
from workers.backends.rest.reader.result_types import ResultTypes, UnknownType

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_VERSION = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_backend(document: Document, definition: Definition, problems: Problems) -> None:
    """Everything but tools, composites, authentication and requirements."""
    backend = document.backend
    if not backend.name.strip():
        problems.error(
            "backend.name must not be empty. Write a short name: lower-case letters, digits and `-`.", "backend", "name"
        )
    elif not _NAME.fullmatch(backend.name):
        problems.breach(
            f"`{backend.name[:40]}` should begin with a lower-case letter, and have such letters, digits and `-` only.",
            *("backend", "name"),
        )
    if backend.version and not _VERSION.fullmatch(backend.version):
        problems.error(
            f'`{backend.version[:40]}` is no version. Write two or three numbers in quotes: `"1.0"`, `"1.2.1"`.',
            *("backend", "version"),
        )
    if document.date and not _DATE.fullmatch(document.date):
        problems.breach(f"`{document.date[:40]}` is no date. Write it as 2026-01-31.", "date")
    if backend.base_url and not backend.url:
        problems.warn(
            "`base_url` holds a placeholder, so it does not count: `url:` in backends.yaml has to say where the API is.",
            *("backend", "base_url"),
        )
    elif backend.base_url and not is_http_url(backend.base_url):
        problems.error(
            "`base_url` is not an http or https URL without a user in it. Write for instance `https://api.example.com/v1`.",
            *("backend", "base_url"),
        )
    elif "?" in backend.base_url or "#" in backend.base_url:
        problems.error(
            "`base_url` has a query or a fragment, which no path can be put behind. Remove it.", "backend", "base_url"
        )
    if not backend.description:
        problems.warn("the backend has no `description`. Say in a sentence what the API is.", "backend", "description")
    if backend.scoping is not None:
        problems.warn(
            "`scoping` has no effect: all tools are offered. Use `include_tools` in backends.yaml.", "backend", "scoping"
        )
    for name, text in backend.defaults.headers.items():
        if reason := problem_of_header(name, text):
            problems.error(f"this header can't be sent: {reason}.", "backend", "defaults", "headers", name)
        elif is_transport(name):
            problems.warn(
                f"`{name}` is what HTTP itself says of each request, so it is not sent. Remove it.",
                *("backend", "defaults", "headers", name),
            )
    if backend.defaults.pagination is not None:
        check_pagination(backend.defaults.pagination, problems, "backend", "defaults", "pagination")
    _check_types(document, problems)
    _check_hints(definition, document, problems)
    _check_examples(definition, problems)
    _check_health(definition, problems)


def check_pagination(pagination: Pagination, problems: Problems, *way: At) -> None:
    """One block."""
    request = pagination.request
    if pagination.strategy != "link_header" and not pagination.position_param and pagination.max_pages != 1:
        problems.warn(
            f"pagination of strategy `{pagination.strategy}` has no `{pagination.strategy}_param` in `request`, so no "
            "further page can be asked for.",
            *(*way, "strategy"),
        )
    if pagination.strategy == "cursor" and not pagination.response.next_cursor and pagination.behavior == "auto":
        problems.error(
            "pagination of strategy `cursor` has no `next_cursor` in `response`. Add its JSONPath.", *way, "strategy"
        )
    if pagination.max_pages > PAGES_MAX:
        problems.warn(f"`max_pages` is more than {PAGES_MAX}, and counts as {PAGES_MAX}.", *way, "max_pages")
    elif pagination.max_pages < 0:
        problems.error(f"`max_pages` must be from 1 to {PAGES_MAX}.", *way, "max_pages")
    if request.limit_default is not None and request.limit_default < 1:
        problems.error("`limit_default` must be 1 or more.", *way, "request", "limit_default")


def _check_types(document: Document, problems: Problems) -> None:
    types = ResultTypes(document.backend.types, problems.nearest)
    for name in document.backend.types:
        try:
            types.schema(name)
        except UnknownType as reason:
            problems.error(f"the type `{name[:60]}` can't be understood: {reason}", "backend", "types", name)


def _check_hints(definition: Definition, document: Document, problems: Problems) -> None:
    known = (*definition.tools, *definition.composites)
    for name in document.backend.hints:
        if name not in known:
            problems.warn(
                f"`hints` are for `{name[:60]}`, which is no tool.{problems.nearest(name, known)}", "backend", "hints", name
            )


def _check_examples(definition: Definition, problems: Problems) -> None:
    known = (*definition.tools, *definition.composites)
    for at, example in enumerate(definition.examples):
        for name in called_tools(example.code):
            if name.text not in known:
                problems.warn(
                    f"the example calls `api.{name.text[:60]}`, which is no tool.{problems.nearest(name.text, known)}",
                    *("backend", "examples", at, "code"),
                    inner=name.line,
                )


def _check_health(definition: Definition, problems: Problems) -> None:
    health = definition.health
    if health is None:
        return
    way = ("backend", "health")
    if (health.tool is None) == (health.path is None):
        problems.error("`health` has either a `tool` of this file or a `path` to ask. Write one of the two.", *way)
        return
    if health.expect_status is not None and not 100 <= health.expect_status <= 599:
        problems.error("`expect_status` is no HTTP status. Write one from 100 to 599.", *way, "expect_status")
    if health.path is not None:
        if "{" in health.path or "}" in health.path:
            problems.error("the `path` of `health` has no parameters. Write one without `{…}`.", *way, "path")
        if health.method.upper() not in METHODS:
            problems.error(f"unsupported method `{health.method[:20]}`. Write one of {', '.join(METHODS)}.", *way, "method")
        return
    tool = definition.tools.get(health.tool or "")
    if tool is None:
        problems.error(
            f"`{(health.tool or '')[:60]}` is no tool.{problems.nearest(health.tool or '', definition.tools)}", *way, "tool"
        )
        return
    for name, param in tool.params.items():
        if param.required:
            problems.error(
                f"`{health.tool}` needs the parameter `{name[:60]}`, so it can't be the health check.", *way, "tool"
            )


def check_features(
    document: Document, definition: Definition, problems: Problems, features: Mapping[str, str] = FEATURES
) -> None:
    """A file of 0.2 says which features it can't do without, so that an older runtime refuses it (section 15.3). Of what is
    not built here nothing is said: with it in `requires` we would refuse the file ourselves."""
    if not problems.strict:
        return
    named = document.requires.features
    auth = document.backend.auth
    used = {
        "idempotency": any(tool.idempotency for tool in definition.tools.values()),
        "redact": any(tool.response.redact for tool in definition.tools.values()),
        "file_url": any(param.type == "file_url" for tool in definition.tools.values() for param in tool.params.values()),
        "refresh_token_rotation": bool(auth and auth.rotates_refresh_token),
    }
    if auth is not None and auth.type == "oauth2" and auth.flow != "client_credentials":
        used[auth.flow] = True
    for feature, is_used in used.items():
        if is_used and feature not in named and not features.get(feature):
            problems.warn(
                f"the file uses `{feature}`, and does not say so: a runtime without it would run the file all the same. "
                f"Write `requires: {{features: [{feature}]}}`.",
                "requires",
                "features",
            )

"""What a request has to look like by the declaration of its tool: an oracle that shares no code with what builds requests.

It goes the other way: it takes apart what came over the wire, and holds that against the arguments.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.upstreams.recorder import Recorded
from tests.workers.rest.parts import parts_of
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.tool import Tool

_ALWAYS = {"host", "user-agent", "accept", "accept-encoding", "content-length", "content-type"}


@dataclass(frozen=True)
class FileSent:
    """What stands for a `file_url` in the arguments that are expected to arrive."""

    name: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Asked:
    """One call: what its tool is, and what was to arrive."""

    definition: Definition
    tool: Tool
    base_path: str
    arguments: Mapping[str, Any]
    """With a `FileSent` for the URL of each file."""

    def check(self, request: Recorded) -> None:
        """Fails where anything is not as it is declared."""
        assert request.method == self.tool.method
        self._check_path(request)
        assert request.query == [*self._query_of_path(), *self._query()]
        if self._values("body"):
            self._check_body(request)
        else:
            assert request.body == b""
        self._check_headers(request)

    def _values(self, place: str) -> dict[str, Any]:
        """What is to be there, by name."""
        found = {}
        for name, param in self.tool.params.items():
            if param.place == place:
                if name in self.arguments:
                    found[name] = self.arguments[name]
                elif param.default is not None:
                    found[name] = param.default
                elif name == self._limit[0]:
                    found[name] = self._limit[1]
        return found

    @property
    def _limit(self) -> tuple[str | None, int | None]:
        """The parameter that says how large a page is, and what it says where the caller says nothing."""
        pagination = self.tool.pagination
        if pagination is None or pagination.request.limit_default is None:
            return None, None
        return pagination.request.limit_param, pagination.request.limit_default

    def _check_path(self, request: Recorded) -> None:
        template = re.sub(r"^https?://[^/]*", "", self.tool.path).partition("?")[0]
        whole = template != self.tool.path.partition("?")[0]
        wanted = [*([] if whole else self.base_path.strip("/").split("/")), *template.removeprefix("/").split("/")]
        came = request.path.removeprefix("/").split("/")
        assert len(came) == len(wanted), (request.path, self.tool.path)
        values = self._values("path")
        for pattern, segment in zip(wanted, came, strict=True):
            filled = re.sub(r"\{(\w+)\}", lambda name: text(values[name[1]]), pattern)
            assert unquote(segment) == filled
            assert not re.search(r"[^A-Za-z0-9._~%!$&'()*+,;=:@-]", segment)

    def _query_of_path(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.tool.path).query, keep_blank_values=True)

    def _query(self) -> list[tuple[str, str]]:
        pairs = []
        for name, value in self._values("query").items():
            items = value if isinstance(value, list) else [value]
            pairs += [(name, text(item)) for item in items if item is not None]
        return pairs

    def _check_headers(self, request: Recorded) -> None:
        given = {name.lower(): text(value) for name, value in self._values("header").items() if value != ""}
        always = {name.lower(): value for name, value in self.definition.headers.items()}
        wanted = {**always, **given}
        if request.body:
            wanted.pop("content-type", None)
        for name, value in wanted.items():
            assert request.header(name) == value, name
        others = {name.lower() for name, _ in request.headers} - wanted.keys() - _ALWAYS
        assert not others
        if not request.body and "content-type" not in wanted:
            assert request.header("Content-Type") is None

    def _content_type(self) -> str:
        if self.tool.content_type is not None:
            return self.tool.content_type
        if any(isinstance(value, FileSent) for value in self.arguments.values()):
            return "multipart/form-data"
        said = {name.lower(): value for name, value in self.definition.headers.items()}
        return said.get("content-type", "application/json")

    def _check_body(self, request: Recorded) -> None:
        values = self._values("body")
        content_type, came = self._content_type(), request.header("Content-Type")
        assert came is not None
        if content_type == "multipart/form-data":
            assert parts_of(came, request.body) == [part for name, value in values.items() for part in parts(name, value)]
            return
        assert came == content_type
        if content_type == "application/x-www-form-urlencoded":
            pairs = [pair for name, value in values.items() for pair in flat(name, value)]
            assert parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True) == pairs
        elif "json" in content_type:
            assert json.loads(request.body) == (nested(values) if self.tool.nest_body_keys else values)
        else:
            (value,) = values.values()
            assert request.body == (value.body if isinstance(value, FileSent) else text(value).encode())


def text(value: Any) -> str:
    """As it stands in a path, a query or a form."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value == round(value):
        return str(round(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def flat(name: str, value: Any) -> list[tuple[str, str]]:
    """A form's pairs."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        return [] if value is None else [(name, text(value))]
    return [pair for key, item in inner for pair in flat(f"{name}[{key}]", item)]


def parts(name: str, value: Any) -> list[tuple[dict[str, str], bytes]]:
    """A form's parts."""
    if isinstance(value, list):
        return [part for item in value for part in parts(name, item)]
    disposition = f'form-data; name="{name}"'
    if isinstance(value, FileSent):
        named = {"content-disposition": f'{disposition}; filename="{value.name}"', "content-type": value.content_type}
        return [(named, value.body)]
    if isinstance(value, dict):
        return [({"content-disposition": disposition, "content-type": "application/json"}, text(value).encode())]
    return [({"content-disposition": disposition}, text(value).encode())]


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names with dots as objects in one another; for values of which none stands in the place of another."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *way, last = name.split(".")
        at = found
        for key in way:
            at = at.setdefault(key, {})
        at[last] = value
    return found

"""What is read of a DADL file: every block of 0.1 and 0.2, and how defaults come into tools."""

from pathlib import Path

import msgspec
import pytest

from tests.workers.rest.written import AUTH, HEAD, PLAIN, TOOLS, V1, auth, backend, composite, loaded, tool
from workers.backends.rest.dadl.auth import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    OAuth2Auth,
    SessionAuth,
    credentials_of,
)
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.tool import Param
from workers.backends.rest.reader.loading import load_definition

WHOLE = Path(__file__).parent / "whole.dadl"


@pytest.fixture(scope="module")
def whole() -> Definition:
    """The file that has every key of 0.1 and 0.2."""
    found = load_definition(WHOLE)
    assert [str(problem) for problem in found.problems] == []
    assert found.definition is not None
    return found.definition


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    found = loaded(tmp_path, PLAIN)
    assert (found.spec, found.name, found.base_url, found.description) == ("0.1", "wx", "https://wx.example", "Weather")
    assert found.auth == BearerAuth(credential="wx")
    now = found.tools["now"]
    assert (now.method, now.path, now.access, now.description) == ("GET", "/now", "read", "Latest")
    assert now.params == {}


def test_the_specification_may_be_named_without_md(tmp_path: Path) -> None:
    assert loaded(tmp_path, PLAIN.replace("v0.1.md", "v0.2")).spec == "0.2"


def test_all_that_a_file_says_of_itself_is_kept(whole: Definition) -> None:
    assert whole.spec == "0.2"
    assert (whole.version, whole.date, whole.source_name) == ("1.2.0-beta", "2026-01-31", "Weather API")
    assert whole.credits == ("Somebody",)
    assert whole.headers == {"Accept": "application/json", "X-Level": "3"}
    assert whole.coverage is not None
    assert whole.coverage.percentage == 50
    assert whole.setup is not None
    assert whole.setup.required_scopes == ("read", "write")
    assert whole.setup.backends_yaml.startswith("- name: wx\n")
    assert whole.openapi_source == "openapi.json"
    assert whole.health is not None
    assert (whole.health.tool, whole.health.timeout, whole.health.expect_status) == ("current", 2.0, 200)
    assert [example.name for example in whole.examples] == ["Warm rooms"]


def test_a_tool_without_blocks_has_those_of_the_defaults(whole: Definition) -> None:
    current = whole.tools["current"]
    assert current.pagination is None, "`none` takes the default away"
    assert current.errors is not None
    assert current.errors.retry_on == (429, 503)
    assert current.errors.rate_limit is not None
    assert current.errors.rate_limit.retry_after_header == "Retry-After"
    assert current.errors.map == {"400": "not_found"}
    assert current.response.result_path == "$.data"
    assert current.content_type == "application/json"
    assert current.nest_body_keys


def test_a_tools_own_block_replaces_the_default_as_a_whole_but_for_what_is_redacted(whole: Definition) -> None:
    rows = whole.tools["list_rows"]
    assert rows.errors is not None
    assert rows.errors.retry_on == ()
    assert rows.errors.message_path == "$.fault.text"
    assert rows.response.result_path is None
    assert rows.response.transform == "map({id})"
    assert rows.response.redact == ("$.secret", "$[*].token")
    assert rows.response.max_items == 50
    assert rows.pagination is not None
    assert (rows.pagination.strategy, rows.pagination.behavior, rows.pagination.max_pages) == ("cursor", "auto", 5)


def test_a_tools_own_keys_are_kept(whole: Definition) -> None:
    attach = whole.tools["attach"]
    assert attach.max_body_size == 20 * 1024 * 1024
    assert attach.content_type == "multipart/form-data"
    assert not attach.nest_body_keys
    assert attach.idempotency is not None
    assert (attach.idempotency.header, attach.idempotency.generate) == ("Idempotency-Key", "uuid_v4")
    assert attach.retry_unsafe
    assert attach.depends_on == ("current",)
    old = whole.tools["old_rows"]
    assert (old.deprecated, old.deprecation, old.replaced_by) == (True, "no paging", "list_rows")
    assert whole.tools["on"].params["on"].type == "boolean", "`on` is a word like any other"


def test_sizes_count_by_1024_and_have_an_end(tmp_path: Path) -> None:
    def size(text: str) -> int | None:
        block = f"{{method: POST, path: /a, description: A, max_body_size: {text}}}"
        return loaded(tmp_path, tool(block)).tools["x"].max_body_size

    assert [size(text) for text in ("128 KiB", "1.5MB", "1000", "2k", "5GB")] == [
        131072,
        1572864,
        1000,
        2048,
        100 * 1024 * 1024,
    ]


def test_pages_and_retries_have_an_end_whatever_a_file_says(tmp_path: Path) -> None:
    block = (
        "{method: GET, path: /a, description: A, pagination: {strategy: page, request: {page_param: p}, max_pages: 99}, "
        "errors: {retry_strategy: {max_retries: 100}}}"
    )
    (tmp_path / "wx.dadl").write_text(tool(block), encoding="utf-8")
    found = load_definition(tmp_path / "wx.dadl").definition
    assert found is not None
    x = found.tools["x"]
    assert x.pagination is not None
    assert x.errors is not None
    assert x.errors.retry_strategy is not None
    assert (x.pagination.max_pages, x.errors.retry_strategy.max_retries) == (50, 10)


def test_a_path_parameter_is_needed_unless_it_has_a_default(tmp_path: Path) -> None:
    block = (
        "{method: GET, path: '/{a}/{b}/{c}', description: A, params: {a: {type: string, in: path}, "
        "b: {type: string, in: path, required: true, default: '-'}, c: {type: integer}}}"
    )
    params = loaded(tmp_path, tool(block)).tools["x"].params
    assert {name: (param.required, param.place) for name, param in params.items()} == {
        "a": (True, "path"),
        "b": (False, "path"),
        "c": (True, "path"),
    }


def test_the_type_of_a_parameter_may_be_one_of_the_file(tmp_path: Path) -> None:
    text = backend("types: {Point: {type: object, properties: {at: Pair}}, Pair: {type: array, items: number}}").replace(
        "description: Latest}", "description: Latest, params: {p: {type: Point, in: query}}}"
    )
    param = loaded(tmp_path, text).tools["now"].params["p"]
    assert param.type == "object"
    assert param.schema == {
        "$ref": "#/$defs/Point",
        "$defs": {
            "Pair": {"type": "array", "items": {"type": "number"}},
            "Point": {"type": "object", "properties": {"at": {"$ref": "#/$defs/Pair"}}},
        },
    }


@pytest.mark.parametrize(
    ("returns", "text", "schema"),
    [
        ("Meter", "Meter", {"$ref": "#/$defs/Meter"}),
        ("{type: array, items: Meter}", "Meter[]", {"type": "array", "items": {"$ref": "#/$defs/Meter"}}),
        ("{type: Meter}", "Meter", {"$ref": "#/$defs/Meter"}),
        ('{$ref: "#/backend/types/Meter"}', "Meter", {"$ref": "#/$defs/Meter"}),
        ("{type: [string, 'null']}", "", {"type": ["string", "null"]}),
        ("string", "string", {"type": "string"}),
        ("{anyOf: [Meter, string]}", "", {"anyOf": [{"$ref": "#/$defs/Meter"}, {"type": "string"}]}),
    ],
)
def test_what_a_tool_returns_is_named_in_several_ways(
    tmp_path: Path, returns: str, text: str, schema: dict[str, object]
) -> None:
    file = backend("types: {Meter: {type: object, properties: {next: Meter}}}").replace(
        "description: Latest}", f"description: Latest, returns: {returns}}}"
    )
    now = loaded(tmp_path, file).tools["now"]
    assert now.returns_text == text
    defs = {"Meter": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Meter"}}}}
    assert now.returns == (schema | {"$defs": defs} if "Meter" in returns else schema)


def test_pages_that_a_caller_asks_for_bring_their_parameters(tmp_path: Path) -> None:
    pages = "{strategy: page, behavior: expose, request: {page_param: p, limit_param: n, limit_default: 30}}"
    params = "params: {n: {type: integer, in: query}}"
    text = (
        V1 + HEAD + AUTH + f"  defaults: {{pagination: {pages}}}\n  tools:\n"
        f"    a: {{method: GET, path: /a, description: A, {params}}}\n"
        "    b: {method: POST, path: /b, description: B}\n"
        "    c: {method: GET, path: /c, description: C, pagination: none}\n"
        "    d: {method: GET, path: /d, description: D, pagination: {strategy: offset, request: {cursor_param: o}}}\n"
    )
    tools = loaded(tmp_path, text).tools
    assert tools["a"].params["p"] == Param(type="integer", place="query", description="Number of the page.", injected=True)
    assert not tools["a"].params["n"].injected, "its own wins"
    assert (tools["b"].params, tools["c"].params) == ({}, {})
    assert [name for name, param in tools["d"].params.items() if param.injected] == ["o"], "as published files write it"


def test_each_way_of_authenticating_is_a_struct_of_its_own(tmp_path: Path) -> None:
    basic = loaded(tmp_path, auth("{type: basic, username_credential: u, password_credential: p}")).auth
    assert basic == BasicAuth(username_credential="u", password_credential="p")
    assert credentials_of(basic) == ("p", "u")
    key = loaded(tmp_path, auth("{type: api_key, credential: none, inject_into: query, query_param: k}")).auth
    assert key == ApiKeyAuth(credential="none", inject_into="query", query_param="k")
    url = "token_url: 'https://a.example/t'"
    machine = auth(f"{{type: oauth2, {url}, client_id_credential: i, client_secret_credential: s, scopes: [a]}}")
    found = loaded(tmp_path, machine).auth
    assert isinstance(found, OAuth2Auth)
    assert (found.flow, found.scopes, found.refresh_before_expiry_s) == ("client_credentials", ("a",), 30.0)
    assert credentials_of(found) == ("i", "s")


def test_every_key_of_oauth2_is_kept(tmp_path: Path) -> None:
    block = (
        "{type: oauth2, flow: authorization_code, token_url: 'https://a.example/t', authorize_url: 'https://a.example/a', "
        "client_id_credential: i, client_secret_credential: s, refresh_token_credential: r, rotates_refresh_token: true, "
        "authorization_params: {access_type: offline}, redirect_uri: 'https://b.example/c', token_auth: basic, "
        "subject: me, service_account_credential: k, scopes: [a, b], token_cache_key: x, refresh_before_expiry: 1m}"
    )
    assert loaded(tmp_path, auth(block)).auth == OAuth2Auth(
        flow="authorization_code",
        token_url="https://a.example/t",
        authorize_url="https://a.example/a",
        client_id_credential="i",
        client_secret_credential="s",
        refresh_token_credential="r",
        rotates_refresh_token=True,
        authorization_params={"access_type": "offline"},
        redirect_uri="https://b.example/c",
        token_auth="basic",
        service_account_credential="k",
        subject="me",
        scopes=("a", "b"),
        refresh_before_expiry_s=60.0,
    )


def test_all_keys_of_a_response_are_kept(whole: Definition) -> None:
    picture, watch, rows = (whole.tools[name].response for name in ("picture", "watch", "list_rows"))
    assert (picture.binary, picture.content_type, picture.type, picture.ttl) == (True, "image/png", "file_url", 3600.0)
    assert (watch.streaming, watch.stream_handling, watch.max_duration) == (True, "collect", 30.0)
    assert (rows.allow_jq_override, rows.metadata_path) == (True, "$.page")


def test_a_session_knows_its_login(tmp_path: Path) -> None:
    block = (
        "{type: session, login: {method: POST, path: /login, body: {u: 'credential:user', deep: ['credential:pass']}, "
        "extract: {tok: $.auth.key}}, inject: [{header: X-Auth, value: 'T {{tok}}'}], "
        "refresh: {trigger: status_code_401, action: re_login}}"
    )
    found = loaded(tmp_path, auth(block)).auth
    assert isinstance(found, SessionAuth)
    assert found.logs_in_again
    assert found.login.extract == {"tok": "$.auth.key"}
    assert credentials_of(found) == ("pass", "user")


def test_keys_that_begin_with_an_underline_hold_what_anchors_refer_to(tmp_path: Path) -> None:
    text = (
        V1
        + "_parts:\n  page: &page {type: integer, in: query}\n  more: &more {description: Latest, access: read}\n"
        + HEAD
        + AUTH
        + "  tools:\n    now:\n      <<: *more\n      method: GET\n      path: /now\n      params: {page: *page}\n"
    )
    now = loaded(tmp_path, text).tools["now"]
    assert (now.description, now.params["page"].type) == ("Latest", "integer")


def test_words_and_dates_are_texts_and_numbers_keep_their_digits(tmp_path: Path) -> None:
    block = (
        "{method: GET, path: /a, description: 2026-01-31, params: {on: {type: string, in: query, default: off}, "
        "n: {type: number, in: query, default: 1e3}, big: {type: integer, in: query, default: 12345678901234567890}, "
        "o: {type: object, in: body, default: {a: [1, null, true, 0x10]}}}}"
    )
    found = loaded(tmp_path, tool(block)).tools["x"]
    assert found.description == "2026-01-31"
    assert {name: param.default for name, param in found.params.items()} == {
        "on": "off",
        "n": 1000.0,
        "big": 12345678901234567890,
        "o": {"a": [1, None, True, 16]},
    }


def test_the_hash_is_over_the_bytes_whatever_the_line_ends(tmp_path: Path) -> None:
    unix = loaded(tmp_path, PLAIN)
    path = tmp_path / "dos.dadl"
    path.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    dos = load_definition(path).definition
    assert dos is not None
    assert dos.hash == unix.hash
    assert len(unix.hash) == 64
    assert loaded(tmp_path, PLAIN + "# a word\n").hash != unix.hash


def test_a_composite_reads_only_where_all_that_it_calls_is_known_and_reads(tmp_path: Path) -> None:
    def reads(code: str, access: str = "") -> bool:
        block = "{method: DELETE, path: /b, access: dangerous, description: B}"
        text = composite(f"{{description: A, {access}code: {code!r}}}").replace(TOOLS, TOOLS + f"    gone: {block}\n")
        path = tmp_path / "wx.dadl"
        path.write_text(text, encoding="utf-8")
        found = load_definition(path).definition
        assert found is not None
        return found.composites["c"].reads

    assert reads("return await api.now({})")
    assert reads("// api is fine\nreturn api.now()"), "comments are no code"
    assert not reads("return await api.now({})", "access: write, ")
    assert not reads("return api.gone()")
    assert not reads("const a = api; return a.gone()")
    assert not reads('return api["gone"]()')
    assert not reads("return api[params.name]()")
    assert not reads("const {gone} = api; return gone()")
    assert not reads("return `${api.gone()}`")
    assert not reads("return [api.now].map(f => f())"), "in doubt it does not"
    assert not reads("return arguments[0].gone()")
    assert not reads("return \\u0061pi.gone()")


def test_a_definition_is_the_same_after_a_way_through_messagepack(whole: Definition) -> None:
    packed = msgspec.msgpack.encode(whole)
    assert msgspec.msgpack.decode(packed, type=Definition) == whole

"""What becomes of an answer: each step, their order, and that a step which fails shows nothing of the answer."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.identity import Principal
from shared.settings import Settings
from tests.upstreams.invocations import Caller, invocation
from tests.upstreams.recorder import Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.response.programs import Programs
from workers.children.children import Child, Children
from workers.children.opened import open_children
from workers.children.transforms import Transforms

ROWS = {
    "data": {"rows": [{"id": 1, "name": "a", "token": "s3cret-1"}, {"id": 2, "name": "b", "token": "s3cret-2"}]},
    "meta": {"total": 2, "token": "s3cret-meta"},
}
CANARY = "s3cret"


def tool(response: str, params: str = "{}") -> str:
    return (
        V2
        + f"""backend:
  name: wx
  type: rest
  description: Weather
  tools:
    get_rows: {{method: GET, path: /rows, access: read, description: Rows, params: {params}, response: {response}}}
"""
    )


def asked(
    directory: Path, response: str, reply: Reply, arguments: dict[str, Any] | None = None, **how: Any
) -> dict[str, Any]:
    """The result of one call."""
    params = how.pop("params", "{}")

    async def test() -> None:
        async with (
            recording(lambda request: reply) as upstream,
            opened(directory, tool(response, params), upstream.url, **how) as caller,
        ):
            found.append(msgspec.json.decode(await caller.call("get_rows", arguments or {}, access="read")))

    found: list[dict[str, Any]] = []
    run(test)
    return found[0]


def text(result: dict[str, Any], block: int = 0) -> str:
    return str(result["content"][block]["text"])


STEPS = {
    "nothing": ("{}", '{"a": 1.0, "big":12345678901234567890123}', '{"a": 1.0, "big":12345678901234567890123}'),
    "result_path": ("{result_path: $.a.b}", '{"a": {"b": [1.50, 1e400]}}', "[1.50, 1e400]"),
    "index": ("{result_path: '$.a[-1]'}", '{"a": [1, {"x" : 2}]}', '{"x" : 2}'),
    "all": ("{result_path: '$.a[*].x'}", '{"a": [{"x":1}, {"y":2}, {"x":[3]}]}', "[1,[3]]"),
    "text whole": ("{result_path: $, metadata_path: $.meta}", "0000abc", "0000abc"),
    "null": ("{result_path: $.a}", '{"a": null}', "null"),
    "transform": ("{transform: 'map(.x)'}", '[{"x": 1}, {"x": 2}]', "[1,2]"),
    "path then transform": ("{result_path: $.a, transform: 'length'}", '{"a": [1, 2, 3]}', "3"),
    "redact": ("{redact: ['$[*].t', '$[0].u']}", '[{"t":1,"u":2},{"t":{"a":3},"u":2}]',
               '[{"t":"[REDACTED]","u":"[REDACTED]"},{"t":"[REDACTED]","u":2}]'),
    "redact one and all": ("{redact: ['$[1].a', '$[*].b']}", '[{"a":1,"b":1},{"a":1,"b":1}]',
                           '[{"a":1,"b":"[REDACTED]"},{"a":"[REDACTED]","b":"[REDACTED]"}]'),
    "redact what is not there": ("{redact: [$.t.u, '$[0]']}", '{"a":1}', '{"a":1}'),
    "redact all members": ("{redact: ['$.t[*]']}", '{"t":{"a":1,"b":[2]}}', '{"t":{"a":"[REDACTED]","b":"[REDACTED]"}}'),
    "redact everything": ("{redact: [$]}", '{"a":1}', '"[REDACTED]"'),
    "redact a name written twice": ("{redact: [$.t]}", '{"t":"one","t":"two"}', '{"t":"[REDACTED]"}'),
    "redact a name that is escaped": ("{redact: [$.token]}", '{"\\u0074oken":"one"}', '{"token":"[REDACTED]"}'),
    "transform then redact": ("{transform: '{t: .secret}', redact: [$.t]}", '{"secret": 1}', '{"t":"[REDACTED]"}'),
    "half a character": ("{result_path: $.a}", '{"a":"cut \\ud83d", "b": "\\ud83d\\ude00"}', '"cut \\ufffd"'),
    "max_items": ("{max_items: 2}", "[1, 2, 3]", "[1,2]"),
    "max_items of an object": ("{max_items: 1}", '{"a": [1, 2]}', '{"a": [1, 2]}'),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_steps(tmp_path: Path, step: str) -> None:
    response, body, expected = STEPS[step]
    result = asked(tmp_path, response, Reply(body=body.encode()))
    assert text(result) == expected
    assert not result.get("isError")


def test_a_list_that_is_cut_says_so(tmp_path: Path) -> None:
    result = asked(tmp_path, "{max_items: 2}", json_reply([1, 2, 3]))
    note = "These are the first 2 of 3 items (`max_items`)."
    assert text(result, 1) == note
    assert result["_meta"] == {"toolmesh/note": note}
    whole = asked(tmp_path, "{max_items: 3}", json_reply([1, 2, 3]))
    assert whole == {"content": [{"type": "text", "text": "[1,2,3]"}]}


FAILING = {
    "path": ("{result_path: $.data.lines}", json_reply(ROWS), "result_path_failed", "has no member `lines`"),
    "not json": ("{result_path: $.data}", Reply(body=b"<p>s3cret</p>"), "unreadable_answer", "no JSON"),
    "NaN": ("{max_items: 2}", Reply(body=b'[NaN, "s3cret"]'), "unreadable_answer", "no JSON"),
    "jq": ("{transform: '.data | error(.rows[0].token)', redact: [$.x]}", json_reply(ROWS), "transform_failed", "redact"),
    "jq without end": ("{transform: 'until(false; .)'}", json_reply(ROWS), "sandbox_timeout", "transform"),
    "redact no json": ("{redact: [$.token]}", Reply(body=b"token=s3cret"), "unreadable_answer", "no JSON"),
    "depth": ("{redact: [$.token]}", Reply(body=b"[" * 1_500 + b'"s3cret"' + b"]" * 1_500), "unreadable_answer", "no JSON"),
    "depth bomb": ("{redact: [$.a]}", Reply(body=b"[" * 200_000 + b"]" * 200_000), "unreadable_answer", "no JSON"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_step_that_fails_says_which_and_shows_nothing_of_the_answer(tmp_path: Path, case: str) -> None:
    response, reply, code, word = FAILING[case]
    result = asked(tmp_path, response, reply)
    assert result["isError"] is True
    error = result["structuredContent"]["error"]
    assert error["code"] == code
    assert error["http_status"] == 200
    assert error["retryable"] is False
    assert word in error["message"]
    assert "was carried out" in error["message"]
    assert CANARY not in str(result)


def test_jq_says_what_went_wrong_where_nothing_is_redacted(tmp_path: Path) -> None:
    result = asked(tmp_path, "{transform: '.data | keys | .[0].x'}", json_reply(ROWS))
    assert "Cannot index" in result["structuredContent"]["error"]["message"]


EMPTY = {"204": Reply(204, b"", {"Content-Length": "0"}), "200": Reply(200, b""), "white": Reply(200, b" \n")}


@pytest.mark.parametrize("case", EMPTY)
def test_an_answer_without_a_body_is_null_whatever_the_steps(tmp_path: Path, case: str) -> None:
    result = asked(tmp_path, "{result_path: $.data, transform: '.x', redact: [$.t], max_items: 3}", EMPTY[case])
    assert result == {"content": [{"type": "text", "text": "null"}]}


TEXTS = {
    "latin-1": (b"gr\xfc\xdfe", "text/plain; charset=ISO-8859-1", "grüße"),
    "utf-16": ("grüße".encode("utf-16"), "text/html; charset=utf-16", "grüße"),
    "undecodable": (b"gr\xfcn", "text/plain", "gr\ufffdn"),
    "unknown charset": (b"gr\xfcn", "text/plain; charset=klingon", "gr\ufffdn"),
    "charset that is no text": (b"68616c6c6f", "text/plain; charset=hex", "68616c6c6f"),
    "slow charset": (b"xn--" * 10, "text/plain; charset=punycode", "xn--" * 10),
    "no type": (b"plain", "", "plain"),
    "xml": (b"<a>1</a>", "application/xml", "<a>1</a>"),
    "json in utf-16": ('{"a":"ü"}'.encode("utf-16-le"), "application/json", '{"a":"ü"}'),
    "json with a mark": (b'\xef\xbb\xbf{"a":1}', "application/json; charset=utf-8", '{"a":1}'),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_is_read_in_the_encoding_that_it_says(tmp_path: Path, case: str) -> None:
    body, content_type, expected = TEXTS[case]
    assert text(asked(tmp_path, "{}", Reply(200, body, {"Content-Type": content_type}))) == expected


def test_metadata_stands_beside_the_result(tmp_path: Path) -> None:
    result = asked(tmp_path, "{result_path: '$.data.rows[*].id', metadata_path: $.meta}", json_reply(ROWS))
    assert text(result) == "[1,2]"
    assert text(result, 1) == 'Metadata: {"total":2,"token":"s3cret-meta"}'
    assert result["_meta"] == {"toolmesh/metadata": ROWS["meta"]}


def test_metadata_shows_nothing_that_is_called_as_what_is_redacted(tmp_path: Path) -> None:
    response = "{result_path: $.data.rows, metadata_path: $.meta, redact: ['$[*].token']}"
    result = asked(tmp_path, response, json_reply(ROWS))
    assert result["_meta"] == {"toolmesh/metadata": {"total": 2, "token": "[REDACTED]"}}
    assert CANARY not in str(result)


def test_metadata_that_is_not_there_is_no_failure_and_too_much_is_left_out(tmp_path: Path) -> None:
    assert asked(tmp_path, "{metadata_path: $.nothing}", json_reply([1])) == {"content": [{"type": "text", "text": "[1]"}]}
    result = asked(tmp_path, "{result_path: $.a, metadata_path: $.b}", json_reply({"a": 1, "b": "x" * 20_000}))
    assert "left out" in text(result, 1)
    assert "xxx" not in str(result)


ALLOWED = "{result_path: $.data.rows, redact: ['$[*].token'], allow_jq_override: true, max_items: 1}"


def test_a_callers_program_runs_on_what_is_left_and_before_max_items(tmp_path: Path) -> None:
    assert text(asked(tmp_path, ALLOWED, json_reply(ROWS), {"jq": "map(.token) + [7]"})) == '["[REDACTED]"]'
    assert text(asked(tmp_path, ALLOWED, json_reply(ROWS), {"jq": "length"})) == "2"
    assert text(asked(tmp_path, ALLOWED, json_reply(ROWS), {"jq": " "})) == text(asked(tmp_path, ALLOWED, json_reply(ROWS)))


def test_a_callers_program_that_fails_is_the_callers_to_mend(tmp_path: Path) -> None:
    for program in ("map(", ".x", "input_filename | error", 'import "a" as $a; .'):
        result = asked(tmp_path, ALLOWED, json_reply(ROWS), {"jq": program})
        assert result["structuredContent"]["error"]["code"] == "invalid_input"
        assert "`jq` program" in text(result)
        assert CANARY not in str(result)


def test_the_argument_is_listed_where_it_is_allowed_and_never_sent(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording(lambda request: json_reply({"a": [1, 2]})) as upstream:
            async with opened(tmp_path, tool("{allow_jq_override: true}"), upstream.url) as caller:
                assert await _property_names(caller) == ["jq"]
                assert await caller.text("get_rows", {"jq": ".a"}) == "[1,2]"
            taken = tool("{allow_jq_override: true}", "{jq: {type: string, in: query}}")
            async with opened(tmp_path, taken, upstream.url) as caller:
                assert await _property_names(caller) == ["jq", "_jq"]
                assert await caller.text("get_rows", {"jq": "theirs", "_jq": ".a"}) == "[1,2]"
            async with opened(tmp_path, tool("{}"), upstream.url) as caller:
                assert await _property_names(caller) == []
        assert [request.query for request in upstream.requests] == [[], [("jq", "theirs")]]

    run(test)


async def _property_names(caller: Caller) -> list[str]:
    described = msgspec.json.decode((await caller.offer()).tools[0].definition)
    return list(described["inputSchema"]["properties"])


class _Noting:
    """Real children, and for whom each was wanted."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self.tenants: list[str] = []

    def child(self, engine: str, tenant: str, budget_s: float, **how: Any) -> AbstractAsyncContextManager[Child]:
        self.tenants.append(tenant)
        return self._children.child(engine, tenant, budget_s, **how)

    def prepare(self, engine: str) -> None:
        self._children.prepare(engine)

    async def close(self) -> None:
        await self._children.close()


def test_two_callers_never_share_a_child() -> None:
    """What a child that was broken out of keeps of one caller's document, it shows to nobody else."""
    described = Tool(method="GET", path="/", response=Response(transform="length"))

    async def test() -> None:
        settings = Settings(transform_timeout_s=10.0)
        children = _Noting(open_children(settings))
        programs = Programs(Transforms(children, settings))
        try:
            for subject in ("ann", "bob", "ann"):
                call = invocation("get_rows", principal=Principal(subject=subject))
                assert await programs.transform(b"[1]", described, call, 200) == b"1"
                assert await programs.override("length", b"[1]", call, 200) == b"1"
        finally:
            await children.close()
        first, _, second, _, third, _ = children.tenants
        assert first == third != second
        assert children.tenants[::2] == children.tenants[1::2]

    run(test)

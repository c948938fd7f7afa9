"""The synthetic tool `health` (DADL 0.2, health): one request, sent once, and an answer that never is an error."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.mesh import free_port
from tests.upstreams.recorder import Answers, Recorded, Recorder, Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

SECRET = "a-secret-of-this-api-0123456789"


def file(health: str) -> str:
    return f"""{V2}backend:
  name: wx
  type: rest
  description: Weather
  defaults: {{headers: {{X-Site: home}}}}
  health: {health}
  tools:
    get_row:
      method: GET
      path: /rows/{{id}}
      access: read
      description: One row
      params:
        id: {{type: string, in: path, required: true, default: first}}
        page: {{type: integer, in: query, default: 2}}
"""


async def asked(tmp_path: Path, health: str, answers: Answers) -> tuple[dict[str, Any], Recorder]:
    async with recording(answers) as upstream, opened(tmp_path, file(health), upstream.url) as caller:
        result = json.loads(await caller.call("health", {}))
        assert result["isError"] is False
        return json.loads(result["content"][0]["text"]), upstream


def health_of(tmp_path: Path, health: str, answers: Answers) -> tuple[dict[str, Any], list[Recorded]]:
    found: list[Any] = []

    async def test() -> None:
        said, upstream = await asked(tmp_path, health, answers)
        found.extend((said, upstream.requests))

    run(test)
    return found[0], found[1]


def test_health_is_a_request_of_its_own(tmp_path: Path) -> None:
    said, requests = health_of(tmp_path, "{path: /ping, method: HEAD}", lambda request: Reply())
    assert (said["ok"], said["http_status"]) == (True, 200)
    assert said.keys() == {"ok", "http_status", "latency_ms", "checked_at"}
    (request,) = requests
    assert (request.method, request.target, request.header("X-Site")) == ("HEAD", "/ping", "home")


def test_a_tool_of_the_file_is_asked_with_its_defaults(tmp_path: Path) -> None:
    said, requests = health_of(tmp_path, "{tool: get_row}", lambda request: Reply())
    assert said["ok"]
    assert [request.target for request in requests] == ["/rows/first?page=2"]


@pytest.mark.parametrize(
    ("health", "reply", "error"),
    [
        ("{path: /}", Reply(503), "The API answers HTTP 503, and 2xx is what it should answer."),
        ("{path: /, expect_status: 204}", Reply(200), "The API answers HTTP 200, and 204 is what it should answer."),
        ("{path: /}", Reply(401), "The API answers HTTP 401: it does not take the credential."),
        ("{path: /}", Reply(302, headers={"Location": "http://127.0.0.1/x"}), "The API answers HTTP 302, and 2xx is"),
        ("{path: /, expect_path: $.a.b}", json_reply({"a": 1}), "not what it should: `$.a` is a number, not an object."),
        ("{path: /, expect_path: $.a}", Reply(body=SECRET.encode()), "What the API answers is no JSON."),
    ],
    ids=["status", "other status", "credential", "redirect", "path", "no json"],
)
def test_an_answer_that_is_not_as_it_should_be_is_told(tmp_path: Path, health: str, reply: Reply, error: str) -> None:
    said, requests = health_of(tmp_path, health, lambda request: reply)
    assert (said["ok"], said["http_status"], "error_code" in said) == (False, reply.status, False)
    assert error in said["error"]
    assert "127.0.0.1" not in said["error"]
    assert SECRET not in said["error"], "nothing that the API said"
    assert len(requests) == 1, "it is sent once"


def test_another_status_may_be_the_right_one(tmp_path: Path) -> None:
    said, _ = health_of(tmp_path, "{path: /, expect_status: 404}", lambda request: Reply(404))
    assert (said["ok"], said["http_status"]) == (True, 404)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2031-01-01", "2031-01-01"),
        (1_900_000_000, "2030-03-17T17:46:40Z"),
        (1_900_000_000_000, "2030-03-17T17:46:40Z"),
        (1e300, None),
        (True, None),
        ({"at": 1}, None),
        (None, None),
    ],
    ids=["text", "seconds", "milliseconds", "never", "true", "object", "null"],
)
def test_when_the_credential_ends_is_told_as_a_time(tmp_path: Path, until: Any, expected: str | None) -> None:
    said, _ = health_of(tmp_path, "{path: /, auth_expires_path: $.until}", lambda request: json_reply({"until": until}))
    assert said["ok"]
    assert said.get("auth_expires_at") == expected


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda request: _silent, "timeout"),
        (lambda request: b"SSH-2.0-x\r\n", "protocol_error"),
        (lambda request: b"", "protocol_error"),
    ],
    ids=["silent", "no http", "closed"],
)
def test_what_keeps_the_api_from_answering_is_named(tmp_path: Path, answer: Answers, code: str) -> None:
    said, _ = health_of(tmp_path, "{path: /, timeout: 200ms}", answer)
    assert (said["ok"], said["error_code"], "http_status" in said) == (False, code, False)
    assert "127.0.0.1" not in said["error"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:{port}", "connection_refused"),
        ("http://no-such-host.invalid", "dns_error"),
        ("https://localhost:{secured}", "tls_error"),
    ],
    ids=["refused", "no name", "strange certificate"],
)
def test_an_api_that_can_not_be_reached_is_no_error_of_the_tool(tmp_path: Path, url: str, code: str) -> None:
    async def test() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Authority(tmp_path).issue("nobody", hosts=("localhost",)))
        async with recording(lambda request: Reply(), context) as upstream:
            where = url.format(port=free_port(), secured=upstream.port)
            async with opened(tmp_path, file("{path: /}"), where) as caller:
                said = json.loads(await caller.text("health", {}))
        assert (said["ok"], said["error_code"]) == (False, code)
        assert not [word for word in ("127.0.0.1", "invalid", str(upstream.port)) if word in said["error"]]

    run(test)


def test_what_is_not_exposed_is_no_tool(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, file("{path: /, expose: false}"), upstream.url) as caller:
            assert [tool.name for tool in (await caller.backend.list_all()).tools] == ["get_row"]
            assert upstream.requests == []

    run(test)

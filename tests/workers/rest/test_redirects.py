"""Redirects of APIs: followed by calls that read, without the credential where they lead elsewhere."""

from pathlib import Path

import msgspec
import pytest

from shared.errors import UpstreamBadResponse
from tests.upstreams.recorder import Recorded, Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

_SECRET = "canary-of-the-credential"
_GIVEN = {"CREDENTIAL_WX": _SECRET}
_PAGES = "{strategy: link_header, behavior: auto, request: {limit_param: size}}"
_DADL = f"""{V2}backend:
  name: wx
  type: rest
  description: Weather
  auth: {{type: bearer, credential: wx}}
  tools:
    get_log: {{method: GET, path: /log, access: read, description: A log}}
    list_rows: {{method: GET, path: /log, access: read, description: Rows, pagination: {_PAGES}}}
    search: {{method: POST, path: /log, access: read, description: Find, params: {{q: {{type: string, in: body}}}}}}
"""


def to(place: str, status: int = 302) -> Reply:
    return Reply(status, b"", {"Location": place})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_call_that_reads_follows_to_where_the_api_says(tmp_path: Path, status: int) -> None:
    def answer(request: Recorded) -> Reply:
        return json_reply({"here": True}) if request.target == "/moved?a=1" else to("/moved?a=1", status)

    async def test() -> None:
        async with recording(answer) as api, opened(tmp_path, _DADL, api.url, environment=_GIVEN) as caller:
            assert await caller.text("get_log", access="read") == '{"here":true}'
            assert [request.header("Authorization") for request in api.requests] == [f"Bearer {_SECRET}"] * 2

    run(test)


@pytest.mark.parametrize(("status", "method", "body"), [(307, "POST", b'{"q":"x"}'), (302, "GET", b"")])
def test_what_reads_by_post_is_asked_as_http_says(tmp_path: Path, status: int, method: str, body: bytes) -> None:
    def answer(request: Recorded) -> Reply:
        return json_reply(1) if request.target == "/moved" else to("/moved", status)

    async def test() -> None:
        async with recording(answer) as api, opened(tmp_path, _DADL, api.url) as caller:
            assert await caller.text("search", {"q": "x"}, access="read") == "1"
            assert (api.last.method, api.last.body) == (method, body)

    run(test)


def test_no_credential_goes_along_to_another_host_and_its_word_is_not_the_apis(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as store, recording(lambda request: to(f"{store.url}/blob?signed=1")) as api:
            listed = (f"127.0.0.1:{store.port}",)
            async with opened(tmp_path, _DADL, api.url, environment=_GIVEN, private_hosts=listed) as caller:
                store.answers = lambda request: Reply(200, b"line of a log", {"Content-Type": "text/plain"})
                assert await caller.text("get_log", access="read") == "line of a log"
                assert _SECRET.encode() not in store.last.raw
                store.answers = lambda request: json_reply([1], Link=f'<{store.url}/next>; rel="next"')
                result = msgspec.json.decode(await caller.call("list_rows", access="read"))
                assert result["content"][0]["text"] == "[1]"
                assert "at another origin, where it is not followed" in result["content"][1]["text"]
                assert len(store.requests) == 2
                store.answers = lambda request: Reply(401)
                assert (await caller.text("get_log", access="read")).startswith("[unauthorized]")

    run(test)


def test_no_redirect_leads_to_what_is_not_public(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as inner, recording(lambda request: to(f"{inner.url}/latest/meta-data")) as api:
            async with opened(tmp_path, _DADL, api.url) as caller:
                with pytest.raises(UpstreamBadResponse, match="redirects"):
                    await caller.call("get_log", access="read")
            assert inner.requests == []

    run(test)


def test_redirects_end(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            recording(lambda request: to(request.target + "x")) as api,
            opened(tmp_path, _DADL, api.url, settings={"upstream_redirects_max": 2}) as caller,
        ):
            with pytest.raises(UpstreamBadResponse, match="redirects more than 2 times"):
                await caller.call("get_log", access="read")
            assert len(api.requests) == 3

    run(test)

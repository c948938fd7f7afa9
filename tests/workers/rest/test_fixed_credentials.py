"""Credentials that stand in each request: bearer, basic, apikey."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorder, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V1

TOOLS = """
  tools:
    look:
      method: GET
      path: /look
      access: read
      description: A look
      params:
        q: {type: string, in: query}
        X-API-Key: {type: string, in: header}
        x-site: {type: string, in: header}
        appid: {type: string, in: query}
"""


@asynccontextmanager
async def one(
    directory: Path, auth: str, environment: dict[str, str], **entry: Any
) -> AsyncIterator[tuple[Caller, Recorder]]:
    """A backend with that `auth`, and its upstream."""
    text = V1 + f"backend:\n  name: wx\n  type: rest\n  description: Weather\n  {auth}{TOOLS}"
    async with (
        recording(lambda request: json_reply({"ok": True})) as upstream,
        opened(directory, text, upstream.url, environment=environment, **entry) as caller,
    ):
        yield caller, upstream


def sent(directory: Path, auth: str, environment: dict[str, str], arguments: dict[str, Any], **entry: Any) -> Recorder:
    """What a call sends."""
    found: list[Recorder] = []

    async def test() -> None:
        async with one(directory, auth, environment, **entry) as (caller, upstream):
            assert await caller.text("look", arguments) == '{"ok":true}'
            found.append(upstream)

    run(test)
    return found[0]


def refused(directory: Path, auth: str, environment: dict[str, str]) -> str:
    """What a call is told; nothing may be sent."""
    found: list[str] = []

    async def test() -> None:
        async with one(directory, auth, environment) as (caller, upstream):
            found.append(await caller.text("look"))
            assert upstream.requests == []

    run(test)
    return found[0]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BASIC = "auth: {type: basic, username_credential: user, password_credential: pass}"
HEADERS: dict[str, tuple[str, dict[str, str], str, str]] = {
    # name: auth, environment, the header, its value
    "bearer": ("auth: {type: bearer, credential: k}", {"K": "s3"}, "Authorization", "Bearer s3"),
    "bearer elsewhere": (
        "auth: {type: bearer, credential: k, header_name: X-Auth, prefix: 'Token token='}",
        {"K": "s3"},
        "X-Auth",
        "Token token=s3",
    ),
    "bearer with an empty prefix": (
        "auth: {type: bearer, credential: k, prefix: ''}",
        {"K": "s3"},
        "Authorization",
        "Bearer s3",
    ),
    "apikey": ("auth: {type: apikey, credential: k}", {"K": "s3"}, "X-API-Key", "s3"),
    "api_key": (
        "auth: {type: api_key, credential: k, header_name: X-Site-Key, prefix: 'Key '}",
        {"K": "s 3"},
        "X-Site-Key",
        "Key s 3",
    ),
    "basic": (BASIC, {"USER": "ada", "PASS": "p:w d"}, "Authorization", basic("ada", "p:w d")),
    "basic in UTF-8": (BASIC, {"USER": "zoë", "PASS": "pä\u0308ß€"}, "Authorization", basic("zoë", "pä\u0308ß€")),
    "basic in normal form": (BASIC, {"USER": "zoe\u0308", "PASS": "p"}, "Authorization", basic("zo\u00eb", "p")),
    "basic without a password": (
        "auth: {type: basic, username_credential: user}",
        {"USER": "ada"},
        "Authorization",
        basic("ada", ""),
    ),
    "basic with none for a password": (
        "auth: {type: basic, username_credential: user, password_credential: none}",
        {"USER": "ada"},
        "Authorization",
        basic("ada", ""),
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_credential_stands_in_its_header(name: str, tmp_path: Path) -> None:
    auth, environment, header, value = HEADERS[name]
    upstream = sent(tmp_path, auth, {f"CREDENTIAL_{key}": text for key, text in environment.items()}, {"q": "x"})
    assert upstream.last.header(header) == value
    assert upstream.last.query == [("q", "x")]


def test_a_key_in_the_query_is_encoded_and_stands_behind_what_the_request_has(tmp_path: Path) -> None:
    auth = "auth: {type: apikey, credential: k, inject_into: query, query_param: appid}"
    upstream = sent(tmp_path, auth, {"CREDENTIAL_K": "a&b=c d/ü#"}, {"q": "1&2"})
    assert upstream.last.query == [("q", "1&2"), ("appid", "a&b=c d/ü#")]
    assert "#" not in upstream.last.target


def test_no_argument_stands_in_a_credentials_place(tmp_path: Path) -> None:
    async def test() -> None:
        environment = {"CREDENTIAL_K": "ours"}
        async with one(tmp_path, "auth: {type: apikey, credential: k}", environment) as (caller, upstream):
            told = await caller.text("look", {"X-API-Key": "theirs"})
            assert told.startswith("[invalid_input] There is no parameter `X-API-Key`.")
            assert upstream.requests == []
            await caller.text("look", {"appid": "theirs"})
            assert (upstream.last.header("X-API-Key"), upstream.last.query) == ("ours", [("appid", "theirs")])
        auth = "auth: {type: apikey, credential: k, inject_into: query, query_param: appid}"
        async with one(tmp_path, auth, environment) as (caller, upstream):
            told = await caller.text("look", {"appid": "theirs"})
            assert told.startswith("[invalid_input] There is no parameter `appid`.")
            assert upstream.requests == []
            await caller.text("look", {})
            assert upstream.last.query == [("appid", "ours")]

    run(test)


def test_a_credential_may_come_from_another_variable(tmp_path: Path) -> None:
    environment = {"CREDENTIAL_K": "usual", "SITE_KEY": "remapped"}
    upstream = sent(tmp_path, "auth: {type: bearer, credential: k}", environment, {}, env={"CREDENTIAL_K": "SITE_KEY"})
    assert upstream.last.header("Authorization") == "Bearer remapped"


def test_a_credential_is_looked_up_when_it_is_used(tmp_path: Path) -> None:
    environment = {"CREDENTIAL_K": "first"}

    async def test() -> None:
        async with one(tmp_path, "auth: {type: bearer, credential: k}", environment) as (caller, upstream):
            await caller.text("look")
            environment["CREDENTIAL_K"] = "second"
            await caller.text("look")
            assert upstream.last.header("Authorization") == "Bearer second"

    run(test)


@pytest.mark.parametrize(
    "auth",
    [
        "auth: {type: bearer, credential: k}",
        "auth: {type: apikey, credential: k}",
        "auth: {type: apikey, credential: k, inject_into: query, query_param: appid}",
        "auth: {type: basic, username_credential: k, password_credential: l}",
        "auth: {type: oauth2, flow: client_credentials, token_url: 'https://127.0.0.1:1', client_id_credential: k, "
        "client_secret_credential: l}",
        "auth: {type: session, login: {method: POST, path: /login, body: {u: 'credential:k'}}, "
        "inject: [{header: X-A, value: b}]}",
    ],
    ids=["bearer", "apikey", "query", "basic", "oauth2", "session"],
)
def test_a_request_goes_without_a_credential_that_is_not_set_and_the_log_says_so_once(auth: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with one(tmp_path, auth, {"CREDENTIAL_K": ""}) as (caller, upstream):
            for _ in range(3):
                assert await caller.text("look") == '{"ok":true}'
            assert [request.target for request in upstream.requests] == ["/look"] * 3
            for name in ("Authorization", "X-API-Key", "X-A"):
                assert upstream.last.header(name) is None

    with structlog.testing.capture_logs() as lines:
        run(test)
    missing = [line for line in lines if line["event"].startswith("a credential is not set")]
    assert {line["variable"] for line in missing} <= {"CREDENTIAL_K", "CREDENTIAL_L"}
    assert [line["credential"] for line in missing].count("k") == 1
    assert len(missing) == len({line["credential"] for line in missing})


@pytest.mark.parametrize("inject_into", ["header", "query"])
def test_a_credential_called_none_is_none(inject_into: str, tmp_path: Path) -> None:
    """Published files write that for an API that wants no key."""
    auth = f"auth: {{type: apikey, credential: none, inject_into: {inject_into}, query_param: appid}}"
    with structlog.testing.capture_logs() as lines:
        upstream = sent(tmp_path, auth, {"CREDENTIAL_NONE": "a-key"}, {})
    assert upstream.last.target == "/look"
    assert upstream.last.header("X-API-Key") is None
    assert [line for line in lines if line["event"].startswith("a credential is not set")] == []


UNFIT: dict[str, tuple[str, dict[str, str], str]] = {
    "line break": ("auth: {type: bearer, credential: k}", {"CREDENTIAL_K": "canary\r\nX-Evil: 1"}, "CREDENTIAL_K"),
    "line break at the end": ("auth: {type: bearer, credential: k}", {"CREDENTIAL_K": "canary\n"}, "CREDENTIAL_K"),
    "NUL": ("auth: {type: apikey, credential: k}", {"CREDENTIAL_K": "can\0ary"}, "CREDENTIAL_K"),
    "not ASCII": ("auth: {type: bearer, credential: k}", {"CREDENTIAL_K": "canäry"}, "CREDENTIAL_K"),
    "not UTF-8": (BASIC, {"CREDENTIAL_USER": "can\udcffary", "CREDENTIAL_PASS": "p"}, "CREDENTIAL_USER"),
    "colon": (BASIC, {"CREDENTIAL_USER": "can:ary", "CREDENTIAL_PASS": "p"}, "CREDENTIAL_USER"),
    "control character": (BASIC, {"CREDENTIAL_USER": "a", "CREDENTIAL_PASS": "can\x07ary"}, "CREDENTIAL_PASS"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_credential_that_can_not_be_sent_is_named_by_its_variable(name: str, tmp_path: Path) -> None:
    auth, environment, variable = UNFIT[name]
    text = refused(tmp_path, auth, environment)
    assert text.startswith(f"[unauthorized] The variable {variable} of the workers ")
    assert "can" not in text.replace("can carry", "").replace("can't carry", "")


def test_calls_at_once_have_their_credential_each(tmp_path: Path) -> None:
    async def test() -> None:
        async with one(tmp_path, "auth: {type: bearer, credential: k}", {"CREDENTIAL_K": "s3"}) as (caller, upstream):
            await asyncio.gather(*(caller.text("look", {"q": str(number)}) for number in range(10)))
            assert {request.header("Authorization") for request in upstream.requests} == {"Bearer s3"}

    run(test)

"""Sessions: a log-in whose tokens and cookies go with each request, against a real server that has them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.errors import UpstreamUnreachable
from tests.mesh import Broker
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorded, Recorder, Reply, Writes, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.tokens import QUICK, TAKEN, everything_in, forms_of
from tests.workers.rest.written import V1

USER, PASSWORD = "user-canary-91aa", "password-canary-c05e"
ENVIRONMENT = {"CREDENTIAL_NVR_USER": USER, "CREDENTIAL_NVR_PASS": PASSWORD}
LOGIN = """login:
      method: post
      path: /api/login
      body: {u: "credential:nvr_user", deep: [{p: "credential:nvr_pass"}], keep: true, n: 3}
      extract: {tok: "$.auth.key", number: "$.auth.number"}"""
INJECT = 'inject: [{header: X-Auth, value: "{{tok}}"}, {header: X-Both, value: "v {{ number }} {{tok}}"}]'
AGAIN = "refresh: {trigger: status_code_401, action: re_login}"


@dataclass
class Server:
    """Mutable: it takes the newest session alone."""

    logins: list[Recorded] = field(default_factory=list)
    login_says: Reply | bytes | Writes | None = None
    more: dict[str, str] = field(default_factory=dict)
    """Further headers of the answer to a log-in."""
    api_says: Reply | None = None

    @property
    def token(self) -> str:
        """Of the newest session."""
        return f"token-canary-{len(self.logins)}-77d0"

    def answers(self, request: Recorded) -> Reply | bytes | Writes:
        """The log-in, and everything else."""
        if request.path == "/base/api/login":
            self.logins.append(request)
            said = {"auth": {"key": self.token, "number": 7}}
            return self.login_says or json_reply(said, Set_Cookie=f"sid=cookie-canary-{len(self.logins)}; Path=/; HttpOnly")
        taken = (request.header("X-Auth"), f"sid=cookie-canary-{len(self.logins)}" in (request.header("Cookie") or ""))
        if taken != (self.token, True):
            return Reply(401)
        return self.api_says or json_reply({"taken": True})


def dadl(*lines: str) -> str:
    auth = "\n    ".join(("type: session", *lines))
    return (
        V1
        + f"""backend:
  name: wx
  type: rest
  description: Cameras
  auth:
    {auth}
  tools:
    look: {{method: GET, path: /look, access: read, description: A look}}
    far: {{method: GET, path: /far/away, access: read, description: A look}}
"""
    )


@asynccontextmanager
async def cameras(directory: Path, server: Server, *lines: str, **how: Any) -> AsyncIterator[tuple[Caller, Recorder]]:
    """A backend whose base URL has a path, to which that of the log-in is added."""
    how.setdefault("environment", ENVIRONMENT)
    async with recording(server.answers) as upstream:
        text = dadl(*(lines or (LOGIN, INJECT, AGAIN)))
        async with opened(directory, text, f"{upstream.url}/base", **how) as caller:
            yield caller, upstream


def test_a_backend_logs_in_once_and_sends_what_it_got_with_each_request(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server()
        async with cameras(tmp_path, server) as (caller, upstream):
            assert set(await asyncio.gather(*(caller.text("look") for _ in range(5)))) == {TAKEN}
            (login,) = server.logins
            assert login.method == "POST"
            assert login.target == "/base/api/login"
            assert login.json == {"u": USER, "deep": [{"p": PASSWORD}], "keep": True, "n": 3}
            assert upstream.last.header("X-Both") == f"v 7 {server.token}"
            assert upstream.last.header("Cookie") == "sid=cookie-canary-1"

    run(test)


def test_a_session_that_is_over_is_opened_anew_once_for_all(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server()
        async with cameras(tmp_path, server) as (caller, _):
            assert await caller.text("look") == TAKEN
            server.logins.append(server.logins[0])  # somebody else logged in meanwhile
            assert set(await asyncio.gather(*(caller.text("look") for _ in range(5)))) == {TAKEN}
            assert len(server.logins) == 3

    run(test)


def test_a_session_that_is_over_stays_so_where_the_file_wants_no_new_log_in(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server()
        async with cameras(tmp_path, server, LOGIN, INJECT) as (caller, _):
            assert await caller.text("look") == TAKEN
            server.logins.append(server.logins[0])
            assert "HTTP 401" in await caller.text("look")
            assert len(server.logins) == 2

    run(test)


def test_a_session_is_opened_anew_after_its_time(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server()
        async with cameras(tmp_path, server, settings={"rest_session_s": 0.05}) as (caller, _):
            async with asyncio.timeout(10):
                while len(server.logins) < 3:
                    assert await caller.text("look") == TAKEN

    run(test)


def test_workers_of_a_group_share_a_log_in_that_nobody_can_read(tmp_path: Path, empty: Broker) -> None:
    async def test() -> None:
        server = Server()
        async with recording(server.answers) as upstream, AsyncExitStack() as stack:
            callers = []
            for number in range(8):
                own = tmp_path / str(number)
                own.mkdir()
                how: dict[str, Any] = {"environment": ENVIRONMENT, "redis_url": empty.url}
                opening = opened(own, dadl(LOGIN, INJECT, AGAIN), f"{upstream.url}/base", **how)
                callers.append(await stack.enter_async_context(opening))
            assert set(await asyncio.gather(*(caller.text("look") for caller in callers))) == {TAKEN}
            assert len(server.logins) == 1
            held = everything_in(empty)
            assert b"rest-token:" in held
            for secret in (USER, PASSWORD, server.token, "cookie-canary-1"):
                assert not [form for form in forms_of(secret) if form in held], secret

    run(test)


def test_cookies_that_later_answers_set_are_sent_from_then_on(tmp_path: Path) -> None:
    async def test() -> None:
        server = Server()
        async with cameras(tmp_path, server) as (caller, upstream):
            server.api_says = json_reply({"taken": True}, Set_Cookie="far=1; Path=/base/far")
            await caller.text("look")
            server.api_says = None
            await caller.text("look")
            assert upstream.last.header("Cookie") == "sid=cookie-canary-1"
            await caller.text("far")
            assert upstream.last.header("Cookie") == "far=1; sid=cookie-canary-1"
            server.api_says = json_reply({"taken": True}, Set_Cookie="far=; Max-Age=0; Path=/base/far")
            await caller.text("look")
            await caller.text("far")
            assert upstream.last.header("Cookie") == "sid=cookie-canary-1"

    run(test)


REFUSALS: dict[str, tuple[Reply, str]] = {
    "wrong password": (
        Reply(403, b"no, " + PASSWORD.encode()),
        "answers HTTP 403. Look at `login`, and at CREDENTIAL_NVR_PASS, CREDENTIAL_NVR_USER of its workers.",
    ),
    "redirect": (Reply(302, headers={"Location": f"/{PASSWORD}"}), "is a redirect, which is not followed"),
    "no json": (Reply(200, b"<p>hello " + PASSWORD.encode()), "is not JSON"),
    "no token": (json_reply({"auth": {"number": 1}, "x": PASSWORD}), "has no `tok`: `$.auth` has no member `key`"),
    "token of two lines": (json_reply({"auth": {"key": f"a\r\n{PASSWORD}", "number": 1}}), "no header can carry"),
    "token that is an object": (json_reply({"auth": {"key": {"a": PASSWORD}, "number": 1}}), "no header can carry"),
    "deep": (Reply(200, b"[" * 30_000), "is not JSON"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_log_in_that_gives_nothing_is_told_without_what_it_said(name: str, tmp_path: Path) -> None:
    answer, said = REFUSALS[name]

    async def test() -> None:
        server = Server(login_says=answer)
        async with cameras(tmp_path, server) as (caller, upstream):
            text = await caller.text("look")
            assert text.startswith("[unauthorized] The ")
            assert said in text
            assert PASSWORD not in text
            # No further one for a while: accounts get locked.
            assert await caller.text("look") == text
            assert [request.path for request in upstream.requests] == ["/base/api/login"]

    run(test)


async def hang(writer: asyncio.StreamWriter) -> None:
    """Answer nothing."""
    await asyncio.Event().wait()


AWAY: dict[str, tuple[Reply | bytes | Writes, str]] = {
    "hang": (hang, "does not answer within 1 s"),
    "huge": (Reply(200, b"x" * 70_000), "answers with more than 65536 bytes"),
    "broken": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "breaks off"),
    "no http": (b"\x00\x01\r\n\r\n", "does not speak HTTP"),
    "unavailable": (Reply(503), "answers HTTP 503"),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_log_in_that_can_not_be_tried_is_certain_to_have_done_nothing(name: str, tmp_path: Path) -> None:
    answer, said = AWAY[name]

    async def test() -> None:
        server = Server(login_says=answer)
        async with cameras(tmp_path, server, settings=QUICK) as (caller, upstream):
            with pytest.raises(UpstreamUnreachable) as refused:
                await caller.text("look")
            assert said in refused.value.detail
            assert "Nothing else was sent to its API" in refused.value.detail
            assert {request.path for request in upstream.requests} == {"/base/api/login"}

    run(test)


@pytest.mark.parametrize("path", ["@127.0.0.1:1/login", ".elsewhere.example/login", "1/login"])
def test_no_log_in_goes_to_another_host_than_the_base_url(path: str, tmp_path: Path) -> None:
    """The one stands behind the other as text."""

    async def test() -> None:
        server = Server()
        async with recording(server.answers) as upstream:
            login = LOGIN.replace("/api/login", f"'{path}'")
            how: dict[str, Any] = {"environment": ENVIRONMENT}
            async with opened(tmp_path, dadl(login, INJECT), upstream.url, **how) as caller:
                assert "would come from another host" in await caller.text("look")
            assert upstream.requests == []

    run(test)

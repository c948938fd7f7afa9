"""The guard of an edge: who may knock, what pages of other origins may read, and that each refusal is recorded once."""

import asyncio
from typing import Any

import pytest

from edge.admit import Gate, Headers
from edge.authenticate import Authenticator
from edge.cross_origin import CrossOrigin
from edge.exchange import Send
from edge.guard import Guard
from edge.identities.identities import Identities
from edge.identities.slow_keys import SlowKeys
from edge.respond import send_json
from shared.grants import AccessToken
from shared.identity import Principal
from shared.settings import Secret, Settings
from tests.edge.asgi import Answer, ask

PUBLIC = "https://mesh.example"
KEY = "the-key-of-the-owner"
SETTINGS = Settings(
    api_key=Secret(KEY),
    allowed_origins=("https://chat.example",),
    cors_origins=("https://app.example", "*.pages.example", "http://*.local.example"),
)
ORIGINS = (
    *(PUBLIC, "https://chat.example", "https://app.example", "https://APP.example"),
    *("https://a.pages.example", "https://a.b.pages.example", "http://x.local.example"),
)
FOREIGN = (
    *(
        "https://evil.example",
        "null",
        "",
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
    ),
    *(
        "https://pages.example",
        "http://a.pages.example",
        "https://a.pages.example.evil.example",
        "https://local.example",
        "https://a.pages.example:444",
    ),
    *("https://a@x.pages.example", "https://evil.example/.pages.example", "https://evil.example#.pages.example"),
)


class NoTokens:
    """Knows none."""

    async def find(self, token: str) -> AccessToken | None:
        return None


class Guarded:
    """An application behind a guard."""

    def __init__(self) -> None:
        self.denied: list[tuple[str, str]] = []
        self.served: list[str] = []
        identities = Identities(SETTINGS)
        authenticator = Authenticator(lambda: identities, NoTokens(), SlowKeys(), PUBLIC, anonymous=lambda: False)
        self._guard = Guard(
            Gate(SETTINGS, PUBLIC, 8123),
            authenticator,
            CrossOrigin(),
            lambda code, principal, tool, detail: self.denied.append((code, tool)),
            public_url=PUBLIC,
            scope=lambda: "tools:read",
            show_page=self._page,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def serve(headers: Headers, principal: Principal, send: Send) -> None:
            self.served.append(principal.subject)
            await send_json(send, 200, b"{}")

        await self._guard.let_in(scope, send, serve)

    @staticmethod
    async def _page(scope: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<p>hello"})

    def ask(self, method: str = "POST", path: str = "/mcp", **headers: str) -> Answer:
        sent = {"host": "mesh.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return asyncio.run(ask(self, method, path, list(sent.items())))


def cors(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_that_may_call_may_read_every_answer(origin: str) -> None:
    guarded = Guarded()
    known = guarded.ask(origin=origin, authorization=f"Bearer {KEY}")
    stranger = guarded.ask(origin=origin)
    asked = guarded.ask("OPTIONS", origin=origin, access_control_request_method="POST")
    assert [answer.status for answer in (known, stranger, asked)] == [200, 401, 204]
    for answer in (known, stranger, asked):
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["vary"] == "Origin"
        assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
    assert {"Authorization", "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "*"} <= set(
        asked.headers["access-control-allow-headers"].split(", ")
    )
    assert asked.headers["access-control-allow-methods"] == "GET, POST, DELETE, OPTIONS"
    assert guarded.denied == [("unauthenticated", "")]


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_gets_nothing_also_with_a_good_key(origin: str, method: str) -> None:
    guarded = Guarded()
    answer = guarded.ask(method, origin=origin, authorization=f"Bearer {KEY}")
    assert (answer.status, cors(answer), guarded.served) == (403, {}, [])
    assert guarded.denied == [("bad_origin", "")]


def test_who_is_no_browser_sends_no_origin_and_gets_no_such_headers() -> None:
    guarded = Guarded()
    for authorization, status in ((f"Bearer {KEY}", 200), ("Bearer x", 401)):
        answer = guarded.ask(authorization=authorization)
        assert (answer.status, cors(answer), "vary" in answer.headers) == (status, {}, False)


@pytest.mark.parametrize("host", ["evil.example", "mesh.example.evil.example", "mesh.example:444", ""])
def test_another_host_is_refused_before_the_credential_is_looked_at(host: str) -> None:
    guarded = Guarded()
    answer = guarded.ask(host=host, authorization=f"Bearer {KEY}")
    assert (answer.status, guarded.served, guarded.denied) == (421, [], [("bad_host", "")])


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"accept": "text/html,application/xhtml+xml"}, 200),
        ("GET", {"accept": "text/event-stream"}, 401),
        ("GET", {"accept": "text/html", "authorization": "Bearer x"}, 401),
        ("POST", {"accept": "text/html"}, 401),
        ("GET", {}, 401),
    ],
)
def test_a_browser_that_opens_the_endpoint_is_shown_a_page_and_nothing_else_is(
    method: str, headers: dict[str, str], status: int
) -> None:
    guarded = Guarded()
    answer = guarded.ask(method, **headers)
    assert answer.status == status
    assert (answer.body == b"<p>hello") is (status == 200)
    assert len(guarded.denied) == (status != 200)
    assert guarded.served == []


def test_the_challenge_of_each_path_names_the_metadata_of_its_resource() -> None:
    guarded = Guarded()
    for path, resource in (("/mcp", "/mcp"), ("/mcp/", "/mcp/"), ("/mcp/b/echo", "/mcp/b/echo"), ("/messages", "/sse")):
        said = guarded.ask(path=path).headers["www-authenticate"]
        assert (
            said
            == f'Bearer resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource{resource}", scope="tools:read"'
        )

"""ChatGPT's connector as a client of ours: what it sends, in its order, over its two planes (docs/clients-on-the-wire.md).

The control plane makes the connector, logs in, lists; the tools plane calls. They share tokens, and nothing else: each
request may come to another edge.
"""

from collections.abc import Mapping
from typing import Any

import httpx2

from tests.chatgpt.discovery import Discovered, discover
from tests.chatgpt.identities import Identity
from tests.chatgpt.log_in import Link, decide, link
from tests.chatgpt.variants import DISCOVER_ID, MODERN, Variant
from tests.chatgpt.wire import Wire, answer_of, result_of
from tests.oauth.person import Person

CONTROL, TOOLS = "openai-mcp/1.0.0 (ChatGPT)", "openai-mcp/1.0.0"
_PAGES_MAX = 50


class Connector:
    """One connector of one person."""

    def __init__(self, wire: Wire, variant: Variant, secrets: set[str], tools_agent: str = TOOLS) -> None:
        """`secrets`: takes all that is to be in no log; `tools_agent`: User-Agent of the plane that calls."""
        self.wire = wire
        self.tools_agent = tools_agent
        self.variant = variant
        self.secrets = secrets
        self.tokens: dict[str, Any] = {}
        self.session: dict[str, str] = {}
        """Headers of the session that it was given. It echoes them where it lists, never where it calls."""

    # What is asked before there is a token.

    def find_out(self) -> Discovered:
        """A: the first request is refused, and says where to log in."""
        self.found = discover(self.wire, self.send(self.variant.opening, token=""))
        return self.found

    def identify(self, identity: Identity) -> None:
        """B: this is who it is."""
        self.identity = identity

    def link(self, **changes: Any) -> Link:
        """C: what the person follows."""
        redirect_uri = changes.pop("redirect_uri", self.identity.redirect_uri)
        asked = link(self.found, self.identity.client_id, redirect_uri, **changes)
        self.secrets |= {asked.state, asked.verifier}
        return asked

    # Tokens.

    def exchange(self, asked: Link, code: str) -> httpx2.Response:
        """D1, D2: redeem a code."""
        fields = {"code": code, "redirect_uri": asked.redirect_uri, "code_verifier": asked.verifier}
        return self._token({"grant_type": "authorization_code", **fields})

    def refresh(self, token: str | None = None, **elsewhere: str) -> httpx2.Response:
        """F: renew, with the token that it has. `url`: at that edge; `agent`: over that plane."""
        return self._token(
            {"grant_type": "refresh_token", "refresh_token": token or self.tokens["refresh_token"]}, **elsewhere
        )

    def take(self, answer: httpx2.Response) -> dict[str, Any]:
        """Keep the tokens of an answer."""
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        said: dict[str, Any] = answer.json()
        self.secrets |= {said["access_token"], said["refresh_token"]}
        assert (said["token_type"], said["expires_in"] > 0) == ("Bearer", True)
        self.tokens = said
        return said

    def log_in(self, person: Person, **changes: Any) -> str:
        """C2, D1: a person allows it; gives the code that it came by."""
        asked = self.link(**changes)
        code = decide(person, asked)["code"]
        self.secrets.add(code)
        self.take(self.exchange(asked, code))
        return code

    def _token(self, fields: Mapping[str, str], url: str = "", agent: str = "") -> httpx2.Response:
        own, headers = self.identity.credentials(self.found.issuer)
        url = f"{url}/token" if url else self.found.server["token_endpoint"]
        resource = self.found.resource["resource"]
        return self.wire.form(
            url, {**fields, **own, "resource": resource}, {"User-Agent": agent or self.wire.agent, **headers}
        )

    # The MCP endpoint.

    def send(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        rpc_id: object = 1,
        *,
        token: str | None = None,
        agent: str | None = None,
        meta: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **where: Any,
    ) -> httpx2.Response:
        """One message. `token`: another one than its own, or none where it is empty."""
        rpc_id = DISCOVER_ID if method == "server/discover" else rpc_id
        params = self.variant.hello if method == "initialize" else params
        message = self.variant.message(method, params, rpc_id, meta)
        sent = self.headers(method, params, agent) | self.authorization(token)
        return self.wire.rpc(message, {**sent, **(headers or {})}, **where)

    def headers(self, method: str, params: dict[str, Any] | None, agent: str | None = None) -> dict[str, str]:
        """What goes with a message, but for the token."""
        name = (params or {}).get("name") or (params or {}).get("uri")
        return {"User-Agent": self.wire.agent if agent is None else agent, **self.variant.routing(method, name)}

    def authorization(self, token: str | None = None) -> dict[str, str]:
        """The header with its token, or with another one."""
        token = self.tokens["access_token"] if token is None else token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def open(self) -> dict[str, Any]:
        """D3, D5: introduce itself; gives what the server says of itself."""
        answer = self.send(self.variant.opening, rpc_id="hello")
        assert answer.headers["content-type"] == "application/json", "a stream is 'inconsistent'"
        said = answer_of(answer)
        assert said["id"] == (DISCOVER_ID if self.variant.envelope else "hello")
        result: dict[str, Any] = said["result"]
        if self.variant.envelope:
            assert MODERN in result["supportedVersions"], "a list of older ones alone is no way back: the client stalls"
            return result
        assert result["protocolVersion"] == self.variant.older
        session = answer.headers.get("mcp-session-id")
        self.session = {"Mcp-Session-Id": session} if session else {}
        noted = self.send("notifications/initialized", rpc_id=None, headers=self.session)
        assert (noted.status_code, noted.content) == (202, b"")
        return result

    def list(self, kind: str = "tools", **where: Any) -> list[dict[str, Any]]:
        """D4, D6: all pages of a list."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        for number in range(_PAGES_MAX):
            answer = self.send(f"{kind}/list", cursor, number, headers=self.session, **where)
            assert answer.headers["content-type"] == "application/json"
            result = result_of(answer)
            found += result[kind]
            if "nextCursor" not in result:
                return found
            cursor = {"cursor": result["nextCursor"]}
        raise AssertionError("the list has no end")

    def call(self, name: str, arguments: dict[str, Any], rpc_id: object = "call-1", **more: Any) -> httpx2.Response:
        """E: over the tools plane, without a session."""
        more = {"agent": self.tools_agent, **more}
        return self.send("tools/call", {"name": name, "arguments": arguments}, rpc_id, **more)

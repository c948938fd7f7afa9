"""The OAuth client of the Python SDK, with a person whose browser follows where it sends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client as SdkClient
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.oauth.house import PASSWORD
from tests.oauth.person import CALLBACK, Person, form_of, query_of


def follow(person: Person, url: str, username: str, passwords: list[int] | None = None) -> str:
    """Follow redirects and fill in forms, as somebody who allows what they are asked for; gives the URL that leads back to
    the client. `passwords` gets the status of each answer to a password. Raises PermissionError where it is not enough."""
    answer = person.get(url)
    while True:
        page = person.get(answer.headers["location"])
        if page.is_redirect:
            answer = page
            continue
        form = form_of(page.text)
        if "password" not in form.names:
            answer = person.post(form.action, {**form.fields, "decision": "allow"})
            assert "code" in query_of(answer)
            return str(answer.headers["location"])
        answer = person.post(form.action, {**form.fields, "username": username, "password": PASSWORD})
        if passwords is not None:
            passwords.append(answer.status_code)
        if not answer.is_redirect:
            raise PermissionError("the person was not let in")


class Storage:
    """What the client keeps: all tokens that it ever got, and who it is."""

    def __init__(self) -> None:
        self.tokens: list[OAuthToken] = []
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens[-1] if self.tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens.append(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Visitor:
    """A client and its person, who allows what they are asked for."""

    def __init__(self, url: str, person: Person, username: str = "ada") -> None:
        """`url`: of the protected resource."""
        self.url = url
        self.storage = Storage()
        self.asked: list[dict[str, str]] = []
        """The authorization requests with which the person was sent to our pages."""
        self.passwords: list[int] = []
        """How our pages answered each time that they had to say their password."""
        self._person = person
        self._username = username
        self._answer: dict[str, str] = {}

    @asynccontextmanager
    async def connected(self, mode: str = "2026-07-28") -> AsyncIterator[SdkClient]:
        """The SDK's client as it starts anew, with what it has kept."""
        metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)], client_name="The SDK's client")
        self._provider = OAuthClientProvider(self.url, metadata, self.storage, self._send, self._come_back)
        async with (
            asyncio.timeout(60),
            httpx2.AsyncClient(auth=self._provider, trust_env=False, timeout=30) as http,
            SdkClient(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield client

    def is_expired(self) -> bool:
        """Whether the client takes its token for expired."""
        return not self._provider.context.is_token_valid()

    async def _send(self, url: str) -> None:
        self.asked.append({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})
        location = await asyncio.to_thread(follow, self._person, url, self._username, self.passwords)
        self._answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    async def _come_back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**self._answer)

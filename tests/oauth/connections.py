"""Clients that a user allowed in, at a house of two edges: what their tokens are worth now, at either of them."""

from dataclasses import dataclass

import httpx2

from shared import log_in_keys
from tests.client import TRUST, Client
from tests.mesh import wait_until
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import OAuthClient, Person


@dataclass
class Connection:
    """One client with the newest tokens that it got."""

    house: House
    client: OAuthClient
    code: str
    access: str
    refresh: str

    @property
    def family(self) -> str:
        """The name of its grant."""
        return self.access[5:27]

    def renew(self, edge: int = 0) -> dict[str, str]:
        """Refresh, and use the new tokens from now on."""
        answer = self.client.refresh(self.refresh, (self.house.a, self.house.b)[edge].url)
        assert answer.status_code == 200, answer.text
        said: dict[str, str] = answer.json()
        self.house.secrets |= {said["access_token"], said["refresh_token"]}
        self.access, self.refresh = said["access_token"], said["refresh_token"]
        return said

    def age(self, seconds: float) -> None:
        """Let time pass since the last refresh, as the broker counts it."""
        with self.house.running.broker.client() as redis:
            redis.hincrby(log_in_keys.family(self.family), "at", -int(seconds * 1000))

    def assert_works(self, access: str | None = None) -> None:
        """An access token is good at both edges."""
        assert statuses(self.house, access or self.access) == [200, 200]

    def assert_ended(self, *tokens: str) -> None:
        """Nothing that came of the grant is good for anything at any edge. `tokens`: access tokens beside the newest."""
        for token in (self.access, *tokens):
            wait_until(lambda token=token: statuses(self.house, token) == [401, 401], "the tokens are refused", 5)
        for edge in (self.house.a, self.house.b):
            answer = self.client.refresh(self.refresh, edge.url)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        with self.house.running.broker.client() as redis:
            assert not redis.exists(log_in_keys.family(self.family))


class Connections:
    """Connects clients; each user has one browser, and logs in in it once."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._persons: dict[str, Person] = {}

    def person(self, username: str = "ada") -> Person:
        """A user's browser."""
        if username not in self._persons:
            self._persons[username] = self.house.person()
        return self._persons[username]

    def code(self, client: OAuthClient, username: str = "ada", **changes: object) -> str:
        """A code that was not redeemed yet."""
        return client.code(self.person(username), username, PASSWORD, **changes)

    def connect(self, client: OAuthClient | None = None, username: str = "ada", **changes: object) -> Connection:
        """A client with tokens; a new one, unless it is given."""
        client = client or self.house.client()
        code = self.code(client, username, **changes)
        answer = client.exchange(code)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        self.house.secrets |= {secret for secret in (code, client.verifier, *map(str, said.values())) if len(secret) > 40}
        return Connection(self.house, client, code, said["access_token"], said.get("refresh_token", ""))

    def close(self) -> None:
        """Close the browsers."""
        for person in self._persons.values():
            person.close()


def status(url: str, access: str, **headers: str) -> int:
    """How an edge answers a listing with this token."""
    client = Client(url, access)
    try:
        return client.post(client.body("tools/list"), {**client.headers("tools/list"), **headers}).status_code
    finally:
        client.close()


def statuses(house: House, access: str) -> list[int]:
    """How both edges answer."""
    return [status(edge.url, access) for edge in (house.a, house.b)]


def send(url: str, path: str, fields: object, **headers: str) -> httpx2.Response:
    """A form, as it is given."""
    if isinstance(fields, bytes):
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
        return httpx2.post(url + path, content=fields, headers=headers, trust_env=False, timeout=30, verify=TRUST)
    return httpx2.post(url + path, data=fields, headers=headers, trust_env=False, timeout=30, verify=TRUST)  # type: ignore[arg-type]


def assert_refused(answer: httpx2.Response, status: int, error: str) -> None:
    """An error of RFC 6749 section 5.2: JSON that nobody stores, without a token in it."""
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.text
    assert answer.json().keys() <= {"error", "error_description", "error_uri"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    challenged = status == 401 and answer.request.headers.get("authorization", "").startswith("Basic ")
    assert answer.headers.get("www-authenticate") == ('Basic realm="ToolMesh"' if challenged else None)

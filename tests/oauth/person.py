"""A person with a browser without scripts, and the client that sends them: the whole log-in over plain HTTP."""

import base64
import hashlib
import re
import secrets
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from tests.client import TRUST

_SECRET_MIN = 12
"""Shorter values might stand in a log by chance."""
CALLBACK = "https://client.example/callback"
SCOPES = "tools:read tools:write"
ODD_NAME, ODD_PASSWORD = 'jürgen "j" \\ ✓', 'pässwörd "\\ ✓+%&= '
"""What a person may well be called, and use."""


@dataclass(frozen=True)
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str]
    """Its hidden fields."""
    names: tuple[str, ...]
    """Names of all its fields and buttons."""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), {}, []))
        elif tag in ("input", "button") and self.forms and "name" in found:
            self.forms[-1][2].append(found["name"])
            if found.get("type") == "hidden":
                self.forms[-1][1][found["name"]] = found.get("value", "")


def form_of(page: str) -> Form:
    """The one form of a page."""
    parser = _Forms()
    parser.feed(page)
    assert len(parser.forms) == 1, f"{len(parser.forms)} forms in {page[:2000]}"
    action, fields, names = parser.forms[0]
    return Form(action, fields, tuple(names))


def pkce() -> tuple[str, str]:
    """A verifier and its challenge (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, challenge


class Person:
    """One browser. `url`: of the edge that it talks to; another one may be named for each step."""

    def __init__(self, url: str, secrets: set[str] | None = None, trust: ssl.SSLContext = TRUST) -> None:
        """`secrets`: takes all that is to be in no log."""
        self.url = url
        self.secrets = secrets if secrets is not None else set()
        self.http = httpx2.Client(trust_env=False, timeout=30, verify=trust, follow_redirects=False)

    def close(self) -> None:
        self.http.close()

    def get(self, location: str, url: str | None = None, **headers: str) -> httpx2.Response:
        """Open a page: a path, or a URL of which only path and query count."""
        parts = urlsplit(location)
        query = f"?{parts.query}" if parts.query else ""
        return self._came(self.http.get(f"{url or self.url}{parts.path}{query}", headers=headers))

    def post(self, action: str, fields: dict[str, str], url: str | None = None, **headers: str) -> httpx2.Response:
        """Send a form."""
        self.secrets |= {fields[name] for name in ("csrf", "password") if len(fields.get(name, "")) >= _SECRET_MIN}
        return self._came(self.http.post(f"{url or self.url}{urlsplit(action).path}", data=fields, headers=headers))

    def _came(self, answer: httpx2.Response) -> httpx2.Response:
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        found = {value for name in ("code", "state") for value in query.get(name, ())} | set(answer.cookies.values())
        self.secrets |= {value for value in found if value and len(value) >= _SECRET_MIN}
        return answer

    def log_in(self, answer: httpx2.Response, username: str, password: str, url: str | None = None) -> httpx2.Response:
        """From the answer of /authorize over the form to where that leads."""
        page = self.get(answer.headers["location"], url)
        form = form_of(page.text)
        return self.post(form.action, {**form.fields, "username": username, "password": password}, url)

    def decide(self, answer: httpx2.Response, decision: str, url: str | None = None) -> httpx2.Response:
        """From the redirect to /consent over the form to where that leads."""
        page = self.get(answer.headers["location"], url)
        form = form_of(page.text)
        return self.post(form.action, {**form.fields, "decision": decision}, url)


@dataclass
class OAuthClient:
    """A client of the authorization server, public unless it has a secret."""

    url: str
    client_id: str
    redirect_uri: str = CALLBACK
    secret: str | None = None
    resource: str | None = None
    """None: `<public url>/mcp`, where the public URL is `url`."""
    verifier: str = ""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    secrets: set[str] = field(default_factory=set)
    """Takes all that is to be in no log."""

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """Parameters of an authorization request; a change to None leaves one out."""
        self.verifier, challenge = pkce()
        self.secrets |= {self.verifier, self.state}
        found = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPES,
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.resource or f"{self.url}/mcp",
            **changes,
        }
        return {name: value for name, value in found.items() if value is not None}

    def authorize_path(self, **changes: Any) -> str:
        """Path and query of an authorization request."""
        return f"/authorize?{urlencode(self.parameters(**changes), doseq=True)}"

    def code(self, person: Person, username: str, password: str, **changes: Any) -> str:
        """A code, by the whole way of a person who allows it."""
        answer = person.get(self.authorize_path(**changes))
        answer = person.log_in(answer, username, password) if "/login" in answer.headers["location"] else answer
        answer = person.decide(answer, "allow")
        found = query_of(answer)
        assert found["state"] == self.state
        return found["code"]

    def token_fields(self, **fields: Any) -> dict[str, Any]:
        """Fields of a token request, with what authenticates the client."""
        found = {"client_id": self.client_id, "client_secret": self.secret, "resource": self.resource or f"{self.url}/mcp"}
        return {name: value for name, value in {**found, **fields}.items() if value is not None}

    def exchange(self, code: str, url: str | None = None, **changes: Any) -> httpx2.Response:
        """Redeem a code."""
        fields = self.token_fields(
            grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri, code_verifier=self.verifier
        )
        fields = {name: value for name, value in {**fields, **changes}.items() if value is not None}
        return httpx2.post(f"{url or self.url}/token", data=fields, trust_env=False, timeout=30, verify=TRUST)

    def refresh(self, token: str, url: str | None = None, **changes: Any) -> httpx2.Response:
        """Renew a refresh token."""
        fields = {**self.token_fields(grant_type="refresh_token", refresh_token=token), **changes}
        fields = {name: value for name, value in fields.items() if value is not None}
        return httpx2.post(f"{url or self.url}/token", data=fields, trust_env=False, timeout=30, verify=TRUST)


def register(url: str, **metadata: Any) -> OAuthClient:
    """A client that registers itself."""
    wanted = {
        "client_name": "A test client",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        **metadata,
    }
    answer = httpx2.post(f"{url}/register", json=wanted, trust_env=False, timeout=30, verify=TRUST)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    return OAuthClient(url, said["client_id"], said["redirect_uris"][0], said.get("client_secret"))


def query_of(answer: httpx2.Response) -> dict[str, str]:
    """The parameters of a redirect, each of which must stand once."""
    assert answer.status_code in (302, 303), f"{answer.status_code}: {re.sub('<[^>]*>', ' ', answer.text)[:600]}"
    found = parse_qs(urlsplit(answer.headers["location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}

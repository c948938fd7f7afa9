"""A person with a browser, and the client that sends them: what has to happen before there is a token to measure with."""

import base64
import hashlib
import http.client
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.connection import BadAnswer

CALLBACK = "https://client.example/callback"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Page:
    """An answer."""

    status: int
    text: str
    location: str
    cookie: str
    retry_after_s: float


class Web:
    """One kept-alive connection to an edge, with the cookie that it was given. One request at a time."""

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._http = http.client.HTTPConnection(address.hostname, address.port or 80, timeout=timeout_s)
        self._cookie = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Page:
        """Open a page."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, fields: Mapping[str, str]) -> Page:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields).encode(), {"Content-Type": _FORM})

    def post_json(self, path: str, value: object) -> Page:
        """Send JSON."""
        return self._ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        if self._cookie:
            headers["Cookie"] = self._cookie
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        page = Page(
            status=answer.status,
            text=answer.read().decode(),
            location=answer.getheader("Location", ""),
            cookie=answer.getheader("Set-Cookie", "").partition(";")[0],
            retry_after_s=float(answer.getheader("Retry-After", "0")),
        )
        self._cookie = page.cookie or self._cookie
        return page


class _Hidden(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and found.get("type") == "hidden":
            self.fields[found["name"]] = found.get("value", "")


def hidden_fields(page: Page) -> dict[str, str]:
    """The hidden fields of a page's form. Raises BadAnswer for a page that is none of ours."""
    parser = _Hidden()
    parser.feed(page.text)
    if page.status != 200 or not {"csrf", "rid"} <= parser.fields.keys():
        raise BadAnswer(f"no form: {page.status} {re.sub('<[^>]*>', ' ', page.text)[:300]}")
    return parser.fields


@dataclass(frozen=True)
class OAuthClient:
    """A public client."""

    client_id: str
    resource: str
    """The endpoint that its tokens are for; the public URL and `/mcp`."""

    def ask(self, web: Web) -> tuple[str, str]:
        """Send a person to be asked: gives the PKCE verifier, and the path of the page that they see."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "tools:read tools:write",
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.resource,
        }
        return verifier, _path(web.get(f"/authorize?{urlencode(asked)}"))

    def connect(self, web: Web) -> dict[str, str]:
        """From a browser in which somebody is logged in to tokens. Raises BadAnswer."""
        verifier, path = self.ask(web)
        decided = web.post("/consent", {**hidden_fields(web.get(path)), "decision": "allow"})
        code = parse_qs(urlsplit(decided.location).query).get("code", [""])[0]
        fields = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": CALLBACK}
        return tokens_of(web.post("/token", fields | self.identity()))

    def identity(self) -> dict[str, str]:
        """The fields that are in each of its token requests."""
        return {"client_id": self.client_id, "resource": self.resource}

    def refresh(self, web: Web, token: str) -> dict[str, str]:
        """Renew a refresh token. Raises BadAnswer."""
        fields = {"grant_type": "refresh_token", "refresh_token": token}
        return tokens_of(web.post("/token", fields | self.identity()))


def register(web: Web, resource: str) -> OAuthClient:
    """A client that registers itself. Raises BadAnswer."""
    answer = web.post_json(
        "/register",
        {
            "client_name": "bench",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        },
    )
    if answer.status != 201:
        raise BadAnswer(f"not registered: {answer.status} {answer.text[:300]}")
    return OAuthClient(json.loads(answer.text)["client_id"], resource)


def log_in(web: Web, client: OAuthClient, username: str, password: str) -> None:
    """Somebody logs in in this browser. Raises BadAnswer."""
    _, path = client.ask(web)
    answer = web.post("/login", {**hidden_fields(web.get(path)), "username": username, "password": password})
    if answer.status != 303:
        raise BadAnswer(f"not logged in: {answer.status}")


def tokens_of(answer: Page) -> dict[str, str]:
    """The tokens of an answer of /token. Raises BadAnswer."""
    if answer.status != 200:
        raise BadAnswer(f"no tokens: {answer.status} {answer.text[:300]}")
    tokens: dict[str, str] = json.loads(answer.text)
    return tokens


def _path(answer: Page) -> str:
    """Where a redirect leads. Raises BadAnswer for anything else."""
    if answer.status != 303:
        raise BadAnswer(f"no redirect: {answer.status} {re.sub('<[^>]*>', ' ', answer.text)[:300]}")
    parts = urlsplit(answer.location)
    return f"{parts.path}?{parts.query}"

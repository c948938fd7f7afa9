"""An OpenID provider that says whatever a test wants it to, to see that it is not believed."""

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc.jwk import Key
from joserfc.jwt import encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser.served import served
from tests.federation.authorization_server import new_key

CLIENT, SECRET = "mesh at bent", "bent+secret%with:odd~characters=0123456789"
TOKEN = "an-access-token-of-bent"


@dataclass
class Bent:
    """The provider. It lets everybody in as ada, at once, and remembers what it was asked."""

    issuer: str = ""
    key: Key = field(default_factory=lambda: new_key("first"))
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is other than it should be: members of `metadata`, `callback`, `token`, `claims`, `header`, `userinfo`; None
    leaves one out."""
    signs_with: Key | None = None
    """Another key than the published one."""
    raw_token: str | None = None
    """In place of the id_token."""
    answers: dict[str, Response] = field(default_factory=dict)
    """Path → another answer."""
    stalls: threading.Event | None = None
    """What the token endpoint waits for."""
    asked: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    """What people came with."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def straighten(self) -> None:
        """Be as one should again."""
        self.changes, self.signs_with, self.raw_token, self.answers = {}, None, None, {}
        self.asked.clear()

    def app(self) -> Starlette:
        """Serves it."""
        routes = {
            "/.well-known/openid-configuration": self._metadata,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._jwks,
            "/userinfo": self._userinfo,
        }

        def answering(path: str, answer: Any) -> Any:
            async def endpoint(request: Request) -> Response:
                self.asked.append(path)
                return self.answers.get(path) or await answer(request)

            return endpoint

        return Starlette(
            routes=[Route(path, answering(path, answer), methods=["GET", "POST"]) for path, answer in routes.items()]
        )

    def _changed(self, what: str, said: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**said, **self.changes.get(what, {})}.items() if value is not None}

    async def _metadata(self, request: Request) -> Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return JSONResponse(self._changed("metadata", said))

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.queries.append(query)
        code = f"code-{len(self.queries)}-{'c' * 20}"
        self._codes[code] = query
        said = self._changed("callback", {"code": code, "state": query["state"]})
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(said)}", 303)

    async def _token(self, request: Request) -> Response:
        if (stalls := self.stalls) is not None:
            await asyncio.to_thread(stalls.wait, 30)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        began = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        pair = f"{_encoded(CLIENT)}:{_encoded(SECRET)}"
        if request.headers.get("authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if (
            began is None
            or began["redirect_uri"] != form.get("redirect_uri")
            or began["code_challenge_method"] != "S256"
            or began["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        said = {"access_token": TOKEN, "token_type": "Bearer", "id_token": self._id_token(began)}
        return JSONResponse(self._changed("token", said))

    def _id_token(self, began: dict[str, str]) -> str:
        if self.raw_token is not None:
            return self.raw_token
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "ada",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": began["nonce"],
            "name": "Ada",
            "groups": ["staff"],
        }
        key = self.signs_with or self.key
        header = self._changed("header", {"alg": "RS256", "kid": key.kid, "typ": "JWT"})
        return encode(header, self._changed("claims", claims), key, algorithms=[header["alg"]], default_type=None)

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, request: Request) -> Response:
        return JSONResponse(self._changed("userinfo", {"sub": "ada", "name": "Ada", "groups": ["staff"]}))


def unsigned(claims: dict[str, Any], header: dict[str, Any], signature: str = "") -> str:
    """A token as nobody signs one."""
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims))
    return f"{'.'.join(parts)}.{signature}"


def _encoded(text: str) -> str:
    """As a form encodes it (RFC 6749 section 2.3.1)."""
    return urlencode({"": text})[1:]


@contextmanager
def bent_provider() -> Iterator[Bent]:
    """One that is still straight."""
    found = Bent()
    with served(found.app()) as port:
        found.issuer = f"http://127.0.0.1:{port}"
        yield found

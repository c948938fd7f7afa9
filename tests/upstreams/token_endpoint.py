"""An authorization server's token endpoint and the API that takes its tokens, on one recorder.

It checks who asks and with what (RFC 6749 sections 2.3.1, 4.4 and 6, RFC 7523), gives each refresh token once, and ends all
that came of it when an old one is used again (RFC 9700 section 4.14.2).
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.upstreams.recorder import Recorded, Reply, Writes, json_reply

CLIENT_ID = "client-canary-7f3a91d2"
CLIENT_SECRET = "secret-canary-1b9e44c0/+ %:x"
FIRST_REFRESH_TOKEN = "refresh-canary-55aa0c1e"
EMAIL = "robot@project.example"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def service_key() -> RSAPrivateKey:
    """The key of the service account."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def service_account(**changes: str) -> str:
    """The key file of the service account, as Google's."""
    pem = service_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    whole = {"type": "service_account", "client_email": EMAIL, "private_key": pem, "private_key_id": "k-1"}
    return msgspec.json.encode(whole | changes).decode()


@dataclass
class TokenServer:
    """Mutable: what it does next is what the test wants."""

    life_s: float | None = 3600.0
    """`expires_in`; None: it does not say."""
    rotates: bool = True
    token_says: Callable[[Recorded], Reply | bytes | Writes | None] = lambda request: None
    """What the endpoint answers instead of a token; None: a token."""
    api_says: Callable[[Recorded], Reply | bytes | Writes | None] = lambda request: None
    """What the API answers instead of what it says to a token that is good."""
    good: set[str] = field(default_factory=set)
    """Access tokens that the API takes."""
    refresh_token: str = FIRST_REFRESH_TOKEN
    """The newest one."""
    spent: set[str] = field(default_factory=set)
    given: list[str] = field(default_factory=list)
    """Every access token, in order."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The form of each request for a token."""
    claims: list[dict[str, Any]] = field(default_factory=list)
    """Of each assertion that was right."""
    ended: bool = False
    """Whether an old refresh token came again."""
    forms: list[str] = field(default_factory=list)
    """How each client said who it is: `post`, `basic`, `none`."""

    @property
    def asked_tokens(self) -> list[str]:
        """The refresh tokens that came, in order."""
        return [form["refresh_token"] for form in self.asked]

    def answers(self, request: Recorded) -> Reply | bytes | Writes:
        """Of both."""
        if request.path != "/token":
            return self.api_says(request) or self._api(request)
        form = dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
        self.asked.append(form)
        return self.token_says(request) or self.token(request, form)

    def _api(self, request: Recorded) -> Reply:
        kind, _, token = (request.header("Authorization") or "").partition(" ")
        if kind == "Bearer" and token in self.good:
            return json_reply({"taken": True})
        return json_reply({"message": "who are you?"}, 401, WWW_Authenticate='Bearer error="invalid_token"')

    def token(self, request: Recorded, form: Mapping[str, str]) -> Reply:
        """What the endpoint says to a request for a token."""
        if request.method != "POST" or request.header("Content-Type") != "application/x-www-form-urlencoded":
            return _refused("invalid_request")
        grant = form.get("grant_type")
        if grant == JWT_BEARER:
            return self._by_assertion(form.get("assertion", ""))
        if not self._knows(request, form):
            return _refused("invalid_client", 401)
        if grant == "client_credentials":
            return self._give()
        if grant != "refresh_token":
            return _refused("unsupported_grant_type")
        return self._refresh(form)

    def _knows(self, request: Recorded, form: Mapping[str, str]) -> bool:
        header = request.header("Authorization")
        if header is None:
            self.forms.append("post")
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        self.forms.append("basic")
        user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode("ascii").partition(":")
        return (
            "client_secret" not in form
            and "client_id" not in form
            and (unquote_plus(user), unquote_plus(password)) == (CLIENT_ID, CLIENT_SECRET)
        )

    def _refresh(self, form: Mapping[str, str]) -> Reply:
        token = form.get("refresh_token", "")
        if token in self.spent:
            self.ended = True
            self.good.clear()
        if self.ended or token != self.refresh_token:
            return _refused("invalid_grant")
        if not self.rotates:
            return self._give()
        self.spent.add(token)
        self.refresh_token = f"refresh-canary-{len(self.spent)}-9c2d"
        return self._give(refresh_token=self.refresh_token)

    def _by_assertion(self, assertion: str) -> Reply:
        try:
            token = jwt.decode(assertion, RSAKey.import_key(service_key().public_key()), algorithms=["RS256"])
        except JoseError:
            return _refused("invalid_grant")
        claims = token.claims
        if claims["iss"] != EMAIL or not claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 3600:
            return _refused("invalid_grant")
        self.claims.append({"header": token.header, **claims})
        return self._give()

    def _give(self, **more: str) -> Reply:
        token = f"access-canary-{len(self.given)}-e41b"
        self.given.append(token)
        self.good.add(token)
        said: dict[str, Any] = {"access_token": token, "token_type": "Bearer", **more}
        if self.life_s is not None:
            said["expires_in"] = self.life_s
        return json_reply(said, Cache_Control="no-store")


def _refused(error: str, status: int = 400) -> Reply:
    return json_reply({"error": error, "error_description": "No, " + CLIENT_SECRET}, status)

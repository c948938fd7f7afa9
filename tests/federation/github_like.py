"""A server that behaves as GitHub documents it: the web application flow, and what of its API tells who somebody is."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser.served import served

CLIENT, SECRET = "Iv1.0123456789abcdef", "github-secret-0123456789abcdef0123456789"
TOKEN = "gho_tttttttttttttttttttttttttttttt"
"""How its access tokens begin."""
_API = "/api/v3"


@dataclass
class GitHubLike:
    """The site, with one person who is logged in and allows everything."""

    url: str = ""
    user: dict[str, Any] = field(default_factory=lambda: {"login": "octo", "id": 583231})
    orgs: list[str] = field(default_factory=list)
    teams: list[tuple[str, str]] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)
    sends_issuer: bool = True
    """RFC 9207: it does in some releases."""
    denies: bool = False
    detour: str = ""
    """Another host of this server, over which people are led before they are asked, as a provider does that leaves it to a
    further one who somebody is."""
    queries: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths of the API, with their queries."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: dict[str, set[str]] = field(default_factory=dict)
    """Token → its scopes."""

    def app(self) -> Starlette:
        """Serves it."""
        return Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize),
                Route("/login/oauth/access_token", self._access_token, methods=["POST"]),
                Route(f"{_API}/user", self._api(lambda: self.user, set())),
                Route(f"{_API}/user/orgs", self._api(lambda: [{"login": name} for name in self.orgs], {"read:org"})),
                Route(f"{_API}/user/teams", self._api(self._teams, {"read:org"})),
                Route(f"{_API}/user/emails", self._api(lambda: self.emails, {"user:email"})),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        if self.detour and request.url.hostname != self.detour:
            return RedirectResponse(str(request.url.replace(hostname=self.detour)), 302)
        query = dict(request.query_params)
        self.queries.append(query)
        code = hashlib.sha256(str(len(self.queries)).encode()).hexdigest()[:20]
        self._codes[code] = query
        said = {"error": "access_denied"} if self.denies else {"code": code}
        issuer = {"iss": f"{self.url}/login/oauth"} if self.sends_issuer else {}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({**said, 'state': query['state'], **issuer})}", 302)

    async def _access_token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        began = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            said = {"error": "incorrect_client_credentials", "error_description": "…"}
        elif began is None or began["code_challenge"] != challenge or began["redirect_uri"] != form.get("redirect_uri"):
            said = {"error": "bad_verification_code", "error_description": "…"}
        else:
            token = f"{TOKEN}{len(self._tokens)}"
            self._tokens[token] = set(began.get("scope", "").split())
            said = {"access_token": token, "token_type": "bearer", "scope": ",".join(sorted(self._tokens[token]))}
        # Errors come with status 200, too.
        wants_json = request.headers.get("accept") == "application/json"
        return JSONResponse(said) if wants_json else PlainTextResponse(urlencode(said))

    def _teams(self) -> list[dict[str, Any]]:
        return [{"slug": slug, "name": slug.title(), "organization": {"login": login}} for login, slug in self.teams]

    def _api(self, what: Any, scopes: set[str]) -> Any:
        async def endpoint(request: Request) -> Response:
            self.asked.append(f"{request.url.path}?{request.url.query}".removesuffix("?"))
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not request.headers.get("user-agent") or token not in self._tokens:
                return JSONResponse({"message": "Requires authentication"}, 401)
            if not scopes <= self._tokens[token]:
                return JSONResponse({"message": "You need at least read:org scope or user scope."}, 403)
            found = what()
            if isinstance(found, list):
                size, page = int(request.query_params.get("per_page", 30)), int(request.query_params.get("page", 1))
                found = found[(page - 1) * size : page * size]
            return JSONResponse(found)

        return endpoint


@contextmanager
def github_like() -> Iterator[GitHubLike]:
    """One."""
    found = GitHubLike()
    with served(found.app()) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found

"""GitHub, which speaks OAuth 2 and says who somebody is by an API of its own (its docs, "Authorizing OAuth apps")."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from edge.oauth.guarded_http import GuardedHttp
from edge.providers.provider import ProviderFailed, Round, check_came
from edge.providers.session import Session
from shared.access_settings import Secret
from shared.claims_mapping import GROUPS_MAX
from shared.identity_providers_file import GITHUB, IdentityProviderEntry
from shared.settings import Settings

_JSON = "application/vnd.github+json"
_PAGE = 100
"""Entries of one page; as many as GitHub gives at a time."""


class GitHubProvider:
    """github.com, or a GitHub Enterprise Server, at one edge."""

    def __init__(self, entry: IdentityProviderEntry, secret: Secret | None, http: GuardedHttp, settings: Settings) -> None:
        self._entry = entry
        self._secret = secret
        self._http = http
        self._bytes_max = settings.identity_provider_bytes_max
        self._site = entry.site
        self._api = entry.api_url or api_of(entry.site)
        self._own = frozenset((urlsplit(url).hostname or "").lower() for url in (self._site, self._api))

    async def way_in(self, way: Round, *, again: bool) -> str:
        """The URL to send the person to. Raises ProviderFailed."""
        more = {"prompt": "select_account"} if again else {}
        return self._session().way_in(f"{self._site}/login/oauth/authorize", way, " ".join(self._scopes), **more)

    async def claims(self, way: Round, came: Mapping[str, str]) -> Mapping[str, Any]:
        """What GitHub says of the person who came back, under the names of OpenID Connect. Raises ProviderFailed."""
        # It sends `iss` (RFC 9207) in some releases, and has no document that says which one it is.
        if came.get("iss") not in (None, self._site, f"{self._site}/login/oauth"):
            raise ProviderFailed("untrue", "the answer is not of this provider: its iss is another (RFC 9207)")
        code = check_came(came)
        session = self._session()
        tokens = await session.redeem(f"{self._site}/login/oauth/access_token", way, code)
        token = tokens["access_token"]
        user = await session.get(f"{self._api}/user", token, accept=_JSON)
        if not isinstance(user, dict) or not isinstance(user.get("id"), int) or user["id"] <= 0:
            raise ProviderFailed("untrue", "GitHub did not say who it is")
        claims: dict[str, Any] = {"sub": str(user["id"]), "name": user.get("login"), "groups": []}
        if "read:org" in self._scopes:
            claims["groups"] = [*await self._orgs(session, token), *await self._teams(session, token)]
        if "user:email" in self._scopes:
            claims |= await self._email(session, token)
        return claims

    async def _orgs(self, session: Session, token: str) -> list[str]:
        found = await self._pages(session, token, "/user/orgs")
        return [each["login"] for each in found if isinstance(each.get("login"), str)]

    async def _teams(self, session: Session, token: str) -> list[str]:
        names = []
        for each in await self._pages(session, token, "/user/teams"):
            organization = each.get("organization")
            login = organization.get("login") if isinstance(organization, dict) else None
            if isinstance(login, str) and isinstance(each.get("slug"), str):
                names.append(f"{login}/{each['slug']}")
        return names

    async def _email(self, session: Session, token: str) -> dict[str, Any]:
        for each in await self._pages(session, token, "/user/emails"):
            if each.get("primary") is True and each.get("verified") is True:
                return {"email": each.get("email"), "email_verified": True}
        return {}

    async def _pages(self, session: Session, token: str, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, GROUPS_MAX // _PAGE + 2):
            part = await session.get(f"{self._api}{path}?per_page={_PAGE}&page={page}", token, accept=_JSON)
            if not isinstance(part, list):
                raise ProviderFailed("untrue", f"GitHub did not answer {path} with a list")
            found += [each for each in part if isinstance(each, dict)]
            if len(part) < _PAGE:
                break
        return found

    @property
    def _scopes(self) -> tuple[str, ...]:
        """No more than the mapping needs: who it is needs no scope at all."""
        if self._entry.scopes:
            return self._entry.scopes
        allow = self._entry.allow
        groups = self._entry.roles or self._entry.plans or allow.groups
        emails = allow.emails or allow.domains
        return (*(("read:org",) if groups else ()), *(("user:email",) if emails else ()))

    def _session(self) -> Session:
        if self._secret is None:
            raise ProviderFailed("setup", f"there is no secret for `{self._entry.name}` in TOOLMESH_IDENTITY_SECRETS")
        return Session(
            self._http,
            self._entry.client_id,
            self._secret,
            self._entry.client_auth or "client_secret_post",
            own=self._own,
            bytes_max=self._bytes_max,
        )


def api_of(site: str) -> str:
    """Where the API of a site is: of its own host on github.com and ghe.com, below the site on a server of one's own."""
    url = urlsplit(site)
    if site == GITHUB or (url.hostname or "").endswith(".ghe.com"):
        return f"https://api.{url.netloc}"
    return f"{site}/api/v3"

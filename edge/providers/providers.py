"""Where people can log in elsewhere, as the file says now, and the way there and back.

Nothing of it is loaded before the first person goes: an edge without providers pays for none of it.
"""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from edge.identities.identities import Identities
from edge.providers.provider import ProviderFailed, Round
from shared.claims_mapping import ClaimsRefused, identity_of
from shared.errors import TooBusy
from shared.foreign_identity import ForeignIdentity
from shared.identity_providers_file import IdentityProviderEntry
from shared.identity_secrets import parse_identity_secrets
from shared.settings import Settings

if TYPE_CHECKING:
    from edge.oauth.guarded_http import GuardedHttp
    from edge.providers.provider import Provider

CALLBACK_PATH = "/auth/callback/"
_RETRY_AFTER_S = 2.0


class Providers:
    """Of one edge."""

    def __init__(
        self, settings: Settings, identities: Callable[[], Identities], public_url: str, now_ms: Callable[[], int]
    ) -> None:
        """`identities` gives the newest; `now_ms`: the broker's clock."""
        self._settings = settings
        self._identities = identities
        self._public_url = public_url
        self._now_ms = now_ms
        secrets = settings.identity_secrets
        self._secrets = parse_identity_secrets(secrets.reveal()) if secrets is not None else {}
        self._made: dict[str, tuple[IdentityProviderEntry, Provider]] = {}
        self._http: GuardedHttp | None = None
        self._steps = 0

    @property
    def listed(self) -> tuple[IdentityProviderEntry, ...]:
        """All of them, in the file's order."""
        return self._identities().providers

    def find(self, name: str) -> IdentityProviderEntry | None:
        """The one of that name."""
        return next((entry for entry in self.listed if entry.name == name), None)

    async def way_in(self, entry: IdentityProviderEntry, browser: str, state: str, *, again: bool) -> str:
        """The URL to send a person to. `again`: they want to be somebody else there. Raises ProviderFailed, TooBusy."""
        async with self._step(entry) as provider:
            return await provider.way_in(self._round(entry, browser, state), again=again)

    async def identity(
        self, entry: IdentityProviderEntry, browser: str, state: str, came: Mapping[str, str]
    ) -> ForeignIdentity:
        """Who came back to the callback with those parameters. Raises ProviderFailed, TooBusy."""
        async with self._step(entry) as provider:
            claims = await provider.claims(self._round(entry, browser, state), came)
        try:
            return identity_of(claims, entry.site, entry, said_ms=self._now_ms())
        except ClaimsRefused as refused:
            raise ProviderFailed("untrue", str(refused)) from refused

    @asynccontextmanager
    async def _step(self, entry: IdentityProviderEntry) -> "AsyncIterator[Provider]":
        if self._steps >= self._settings.identity_provider_steps_max:
            raise TooBusy("Too many people log in at the moment. Try again in a moment.", retry_after_s=_RETRY_AFTER_S)
        self._steps += 1
        limit_s = self._settings.identity_provider_s
        try:
            async with asyncio.timeout(limit_s):
                yield self._provider(entry)
        except TimeoutError as cause:
            raise ProviderFailed("away", f"no answer within {limit_s:g} s") from cause
        finally:
            self._steps -= 1

    def _provider(self, entry: IdentityProviderEntry) -> "Provider":
        kept = self._made.get(entry.name)
        if kept is not None and kept[0] == entry:
            return kept[1]
        from edge.oauth.guarded_http import GuardedHttp
        from edge.providers.github import GitHubProvider
        from edge.providers.oidc import OidcProvider

        if self._http is None:
            self._http = GuardedHttp(self._settings, timeout_s=self._settings.identity_provider_s)
        kind = GitHubProvider if entry.kind == "github" else OidcProvider
        made = kind(entry, self._secrets.get(entry.name), self._http, self._settings)
        self._made[entry.name] = entry, made
        return made

    def _round(self, entry: IdentityProviderEntry, browser: str, state: str) -> Round:
        """Nonce and verifier follow from the browser's cookie: what lies on the broker is no help to anybody else."""

        def secret(purpose: str) -> str:
            digest = hmac.digest(browser.encode(), f"{purpose}|{state}".encode(), "sha256")
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

        return Round(
            redirect_uri=f"{self._public_url}{CALLBACK_PATH}{entry.name}",
            state=state,
            nonce=secret("nonce"),
            verifier=secret("verifier"),
        )

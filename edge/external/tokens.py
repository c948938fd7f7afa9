"""Whose an access token of another server is, asked for each request: from memory for a while, else verified.

What is remembered is believed only as long as the files are the same that it was found right by. A token that its server
revoked works until it ends: nobody tells us.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from edge.external.servers import Servers, caller_of
from edge.identities.identities import Identities
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.claims_mapping import principal_of
from shared.errors import Unauthenticated
from shared.identity import Principal
from shared.settings import Settings

if TYPE_CHECKING:
    from edge.external.unverified import Unverified
    from edge.external.verifier import Verified, Verifier

log = structlog.get_logger()

_KEPT_MAX = 20_000
_REASONS_LOGGED_MAX = 1_000
_LOGGED_AGAIN_S = 60.0
_SHOWN_MAX = 200
"""Characters of what a token says that are shown in the log."""


class ExternalTokens:
    """What one edge knows of them."""

    def __init__(
        self,
        settings: Settings,
        servers: Callable[[], Servers],
        identities: Callable[[], Identities],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`servers`, `identities`: as the files say now."""
        self._settings = settings
        self._servers = servers
        self._identities = identities
        self._now = now
        self._kept: OrderedDict[tuple[str, str], tuple[float, Principal]] = OrderedDict()
        """By digest and resource: until when it is believed, and whom it lets in."""
        self._found_by: tuple[Servers, Identities] | None = None
        """By what the files said all that is remembered was found right."""
        self._made: Verifier | None = None
        self._logged: dict[tuple[str, str], float] = {}
        """Of each issuer and reason: when it may be logged again."""

    async def find(self, token: str, digest: str, resource: str) -> Principal | None:
        """Whom a token lets in at that resource; None where it is none of these servers'.

        Raises Unauthenticated where it is one of theirs and not taken, AuthorizationServerAway.
        """
        servers = self._servers()
        if not servers:
            return None
        identities = self._identities()
        now = self._now()
        if self._found_by is None or self._found_by[0] is not servers or self._found_by[1] is not identities:
            self._kept.clear()
            self._found_by = servers, identities
        kept = self._kept.get((digest, resource))
        if kept is not None and kept[0] > now:
            return kept[1]
        if len(token) > self._settings.external_token_characters_max:
            return None

        from edge.external.unverified import read_unverified

        said = read_unverified(token)
        entry = servers.entry(said.issuer) if said is not None else None
        if said is None or entry is None:
            return None
        verified = await self._verified(token, said, entry, servers, resource, now)
        principal = self._principal(verified, said, entry, identities, resource, now)
        if self._found_by == (servers, identities):  # else the files changed while its server was asked for keys
            self._kept[digest, resource] = min(verified.ends, now + self._settings.external_token_cache_s), principal
            self._kept.move_to_end((digest, resource))
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return principal

    async def _verified(
        self,
        token: str,
        said: "Unverified",
        entry: AuthorizationServerEntry,
        servers: Servers,
        resource: str,
        now: float,
    ) -> "Verified":
        from edge.external.token_rules import TokenRefused

        try:
            return await self._verifier.verify(token, said, entry, servers.names_at(entry.issuer), resource, now)
        except TokenRefused as refused:
            raise self._refused(str(refused), said, entry, resource, now) from refused

    def _principal(
        self,
        verified: "Verified",
        said: "Unverified",
        entry: AuthorizationServerEntry,
        identities: Identities,
        resource: str,
        now: float,
    ) -> Principal:
        caller = caller_of(entry.issuer, verified.client_id)
        principal = principal_of(
            verified.identity,
            entry,
            caller_id=caller,
            caller_class=identities.caller_class(caller),
            scopes=verified.scopes,
        )
        if principal is None:
            raise self._refused("The person of the access token may not come in here.", said, entry, resource, now)
        return principal

    @property
    def _verifier(self) -> "Verifier":
        """Made with the first token: an edge without such servers pays for none of it."""
        if self._made is None:
            from edge.external.server_keys import ServerKeys
            from edge.external.verifier import Verifier
            from edge.oauth.guarded_http import GuardedHttp

            http = GuardedHttp(self._settings, timeout_s=self._settings.external_document_s)
            keys = ServerKeys(self._settings, http)
            self._made = Verifier(keys, characters_max=self._settings.external_token_characters_max)
        return self._made

    def _refused(
        self, reason: str, said: "Unverified", entry: AuthorizationServerEntry, resource: str, now: float
    ) -> Unauthenticated:
        """What the client is told. The operator sees in the log why nobody comes in, of a flood once a minute."""
        key = entry.issuer, reason
        if self._logged.get(key, 0.0) <= now:
            if len(self._logged) >= _REASONS_LOGGED_MAX:
                self._logged.clear()
            self._logged[key] = now + _LOGGED_AGAIN_S
            log.warning(
                "access token of another authorization server refused",
                issuer=entry.issuer,
                reason=reason,
                resource=resource,
                audience=repr(said.claims.get("aud"))[:_SHOWN_MAX],
                typ=repr(said.header.get("typ"))[:_SHOWN_MAX],
                alg=repr(said.header.get("alg"))[:_SHOWN_MAX],
            )
        return Unauthenticated(reason, presented=True)

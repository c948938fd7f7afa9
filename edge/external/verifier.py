"""Whether a JWT is an access token of a server whose tokens are taken, and what it says (RFC 9068 section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.external.scope_names import ScopeNames
from edge.external.server_keys import ServerKeys
from edge.external.token_rules import TokenRefused, check_claims, check_header, client_of, key_id_of, scopes_of
from edge.external.unverified import Unverified
from edge.oauth.signature import is_signed
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.claims_mapping import ClaimsRefused, identity_of
from shared.foreign_identity import ForeignIdentity


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token says that can be believed."""

    identity: ForeignIdentity
    client_id: str
    scopes: tuple[str, ...]
    """Ours."""
    ends: float
    """Seconds since 1970."""


class Verifier:
    """Verifies for one edge."""

    def __init__(self, keys: ServerKeys, *, characters_max: int) -> None:
        self._keys = keys
        self._characters_max = characters_max

    async def verify(
        self,
        token: str,
        said: Unverified,
        entry: AuthorizationServerEntry,
        names: ScopeNames,
        resource: str,
        now: float,
    ) -> Verified:
        """What it says, if all of it is as it must be. `said`: what `token` says of itself, of the issuer of `entry`.

        Raises TokenRefused, AuthorizationServerAway.
        """
        check_header(said.header, said.claims, entry)
        alg = said.header["alg"]
        await self._check_signature(token, alg, key_id_of(said.header), entry)
        ends = check_claims(said.claims, entry, resource, now)
        return Verified(
            _identity(said.claims, entry), client_of(said.claims, entry), names.ours(scopes_of(said.claims)), ends
        )

    async def _check_signature(self, token: str, alg: str, key_id: str | None, entry: AuthorizationServerEntry) -> None:
        keys = await self._keys.find(entry, alg, key_id)
        if not is_signed(token, alg, keys, characters_max=self._characters_max):
            raise TokenRefused("The signature of the access token is not one of its issuer.")


def _identity(claims: Mapping[str, Any], entry: AuthorizationServerEntry) -> ForeignIdentity:
    try:
        return identity_of(claims, entry.issuer, entry)
    except ClaimsRefused as refused:
        raise TokenRefused(f"Of the access token, {refused}.") from refused

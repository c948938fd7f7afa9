"""How an access token is asked for: the flows of DADL 0.2 (RFC 6749 sections 4.4 and 6, RFC 7523 section 2.1).

Of `authorization_code` a person's consent is given elsewhere; what is left of it at run time is the refresh token.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from shared.errors import UpstreamUnreachable
from workers.backends.rest.auth.assertion import BadKey, assertion, service_account
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.rotation import Rotation
from workers.backends.rest.auth.token_endpoint import Granted, Refused, TokenEndpoint
from workers.backends.rest.auth.upheld import Key
from workers.backends.rest.dadl.auth import OAuth2Auth
from workers.backends.rest.failed import Failed
from workers.backends.rest.reader.authenticating import is_http_url


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """One that the API takes."""

    token: str

    def __repr__(self) -> str:
        return "AccessToken(…)"


class Grant(Protocol):
    """One flow. A source of `Upheld`."""

    alone: bool
    """Whether a worker may ask without a turn."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """Names of those that it needs, in the order of `Key`; an empty name has an empty value."""
        ...

    def turn_of(self, key: Key) -> Key:
        """What two workers may not ask for at the same time."""
        ...

    async def fetch(self, key: Key, until: float | None) -> tuple[AccessToken, float]:
        """A new one. Raises Failed, MeshError."""
        ...


class _Asking:
    """What all flows share."""

    alone = True

    def __init__(self, auth: OAuth2Auth, place: Place, in_use: InUse) -> None:
        self._auth = auth
        self._place = place
        self._in_use = in_use
        self._endpoint = TokenEndpoint(place)

    def turn_of(self, key: Key) -> Key:
        """What stands in the file: it is not secret."""
        return (self._place.entry.name, msgspec.json.encode(self._auth).decode())

    def _kept(self, granted: Granted) -> tuple[AccessToken, float]:
        """The token, and how long until the next one is to be had: a little before it ends."""
        self._in_use.add(granted.access_token, granted.refresh_token)
        before_s = min(self._auth.refresh_before_expiry_s, granted.life_s / 2)
        return AccessToken(token=granted.access_token), granted.life_s - before_s


class ClientCredentials(_Asking):
    """`client_credentials`."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """Id and secret."""
        return (self._auth.client_id_credential, self._auth.client_secret_credential)

    async def fetch(self, key: Key, until: float | None) -> tuple[AccessToken, float]:
        """See Grant."""
        fields = {"grant_type": "client_credentials"}
        if self._auth.scopes:
            fields["scope"] = " ".join(self._auth.scopes)
        by_basic = self._auth.token_auth == "basic"  # noqa: S105
        return self._kept(
            await self._endpoint.ask(self._auth.token_url, fields, client=(key[0], key[1]), basic_auth=by_basic)
        )


class RefreshToken(_Asking):
    """`refresh_token`, and what `authorization_code` is at run time. Scopes are not sent: those of the grant hold."""

    def __init__(self, auth: OAuth2Auth, place: Place, in_use: InUse) -> None:
        super().__init__(auth, place, in_use)
        self.alone = not auth.rotates_refresh_token
        self._rotation = Rotation(place, must_be_kept=auth.rotates_refresh_token)

    @property
    def credentials(self) -> tuple[str, ...]:
        """Id, secret and the refresh token that the operator set."""
        auth = self._auth
        return (auth.client_id_credential, auth.client_secret_credential, auth.refresh_token_credential)

    def turn_of(self, key: Key) -> Key:
        """All that may stand for one refresh token, also of another backend."""
        return (self._auth.token_url, key[0])

    async def fetch(self, key: Key, until: float | None) -> tuple[AccessToken, float]:
        """See Grant."""
        client_id, client_secret, first = key
        made_of = (self._auth.token_url, client_id, first)
        rotated = await self._rotation.current(made_of, first)
        if not (self.alone or self._has_time(until)):
            raise UpstreamUnreachable(
                f"This worker was held up while it got a token for backend {self._place.entry.name!r}, and its turn is "
                "over: another one may have used the refresh token. Nothing was sent; try again."
            )
        self._in_use.add(rotated.refresh_token)
        fields = {"grant_type": "refresh_token", "refresh_token": rotated.refresh_token}
        by_basic = self._auth.token_auth == "basic"  # noqa: S105
        try:
            granted = await self._endpoint.ask(
                self._auth.token_url, fields, client=(client_id, client_secret), basic_auth=by_basic
            )
        except Refused as refused:
            if refused.error == "invalid_grant":
                raise self._needs_another() from None
            raise
        await self._rotation.replace(made_of, rotated, granted.refresh_token)
        return self._kept(granted)

    def _has_time(self, until: float | None) -> bool:
        """Whether the turn is ours until a request has ended, whatever becomes of it."""
        now = asyncio.get_running_loop().time()
        return until is not None and now + self._place.settings.rest_token_s <= until

    def _needs_another(self) -> Failed:
        variable = self._place.given.variable(self._auth.refresh_token_credential)
        return Failed(
            "unauthorized",
            f"The token endpoint of backend {self._place.entry.name!r} answers `invalid_grant`: its refresh token has "
            f"ended, was revoked or was used elsewhere. Get a new one, set {variable} of the workers to it and start them "
            "again.",
        )


class JwtBearer(_Asking):
    """`jwt_bearer`: a service account, whose whole key is one credential."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """The key."""
        return (self._auth.service_account_credential,)

    async def fetch(self, key: Key, until: float | None) -> tuple[AccessToken, float]:
        """See Grant."""
        name = self._auth.service_account_credential
        try:
            account = service_account(key[0])
            self._in_use.add(account.private_key)
            url = self._auth.token_url or account.token_uri
            if not is_http_url(url):
                raise BadKey("has no `token_uri` that is an http or https URL, and `auth` no `token_url`")
            signed = assertion(account, audience=url, scopes=self._auth.scopes, subject=self._auth.subject)
        except BadKey as bad:
            raise self._place.given.unfit(name, str(bad)) from None
        fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
        return self._kept(await self._endpoint.ask(url, fields))


GRANTS: dict[str, Callable[[OAuth2Auth, Place, InUse], Grant]] = {
    "client_credentials": ClientCredentials,
    "refresh_token": RefreshToken,
    "authorization_code": RefreshToken,
    "jwt_bearer": JwtBearer,
}

"""An access token that workers get for themselves (RFC 6749), in `Authorization` (RFC 6750 section 2.1)."""

from collections.abc import Collection

import msgspec

from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.authenticator import Unauthenticated
from workers.backends.rest.auth.grants import GRANTS, AccessToken
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.signed import signed_by, with_headers
from workers.backends.rest.auth.upheld import Key, Upheld
from workers.backends.rest.dadl.auth import OAuth2Auth
from workers.backends.rest.request import Request
from workers.egress.outgoing import Outgoing


class OAuth2:
    """See Authenticator."""

    def __init__(self, auth: OAuth2Auth, place: Place) -> None:
        self._place = place
        self._in_use = InUse()
        self._grant = GRANTS[auth.flow](auth, place, self._in_use)
        made_of = (place.entry.name, msgspec.json.encode(auth).decode())
        self._tokens = Upheld(place, AccessToken, self._grant, made_of, self._grant.turn_of, alone=self._grant.alone)
        self._plain = Unauthenticated()

    async def sign(self, request: Request) -> Outgoing:
        """With a token that is good for a while. Raises Failed where it is refused, MeshError where it can't be had."""
        key = self._key()
        if key is None:
            return await self._plain.sign(request)
        self._in_use.add(*key)
        token = await self._tokens.current(key)
        self._in_use.add(token.token)
        return with_headers(request, {"Authorization": f"Bearer {token.token}"}, by=token)

    async def renew(self, sent: Outgoing, answer: Answer) -> bool:
        """The token is forgotten, unless there is another one already."""
        return self._key() is not None and self._tokens.reject(signed_by(sent))

    def note(self, answer: Answer) -> None:
        """The API took the token."""
        if answer.status != 401:
            self._tokens.accepted()

    def secrets(self) -> Collection[str]:
        """What tokens are got with, and the newest ones."""
        return self._in_use.values

    async def close(self) -> None:
        """See Authenticator."""
        await self._tokens.close()

    def _key(self) -> Key | None:
        """None where one that is needed is missing."""
        values = [self._place.given.find(name) if name else "" for name in self._grant.credentials]
        return None if None in values else tuple(value or "" for value in values)

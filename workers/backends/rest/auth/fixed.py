"""Credentials that stand in each request as the operator gave them."""

import base64
import re
import unicodedata
from collections.abc import Collection

from workers.backends.rest.auth.authenticator import Unauthenticated
from workers.backends.rest.auth.given import NO_CREDENTIAL, Given
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.signed import with_headers, with_query
from workers.backends.rest.dadl.auth import ApiKeyAuth, BasicAuth, BearerAuth
from workers.backends.rest.request import Request
from workers.egress.outgoing import Outgoing

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Fixed(Unauthenticated):
    """There is nothing to renew; without the credential requests go as they are."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._in_use = InUse()

    def secrets(self) -> Collection[str]:
        """What was sent last."""
        return self._in_use.values


class HeaderKey(_Fixed):
    """`<header>: <prefix><secret>`: bearer, and apikey in a header."""

    def __init__(self, auth: BearerAuth | ApiKeyAuth, given: Given) -> None:
        super().__init__(given)
        self._auth = auth

    async def sign(self, request: Request) -> Outgoing:
        """Raises Failed for a credential that no header can carry."""
        secret = self._given.in_header(self._auth.credential)
        if secret is None:
            return await super().sign(request)
        self._in_use.add(secret)
        return with_headers(request, {self._auth.header_name: self._auth.prefix + secret})


class QueryKey(_Fixed):
    """A member of the query."""

    def __init__(self, auth: ApiKeyAuth, given: Given) -> None:
        super().__init__(given)
        self._auth = auth

    async def sign(self, request: Request) -> Outgoing:
        """Raises Failed for a credential that is no text."""
        secret = self._given.find(self._auth.credential)
        if secret is None:
            return await super().sign(request)
        self._in_use.add(secret)
        return with_query(request, self._auth.query_param, secret)


class Basic(_Fixed):
    """HTTP Basic (RFC 7617) in UTF-8."""

    def __init__(self, auth: BasicAuth, given: Given) -> None:
        super().__init__(given)
        self._auth = auth

    async def sign(self, request: Request) -> Outgoing:
        """Raises Failed for a user or password that can't be sent that way."""
        user = self._part(self._auth.username_credential)
        password = self._part(self._auth.password_credential or "")
        if user is None or (password is None and self._auth.password_credential not in (None, NO_CREDENTIAL)):
            return await super().sign(request)
        if ":" in user:
            raise self._given.unfit(self._auth.username_credential, "holds a `:`, which no user of HTTP Basic has")
        encoded = basic(user, password or "")
        self._in_use.add(user, password or "", encoded)
        return with_headers(request, {"Authorization": f"Basic {encoded}"})

    def _part(self, name: str) -> str | None:
        value = self._given.find(name)
        if value is None:
            return None
        if _CONTROL.search(value):
            raise self._given.unfit(name, "holds a control character, which HTTP Basic can't carry")
        return unicodedata.normalize("NFC", value)  # RFC 7617 section 2.1


def basic(user: str, password: str) -> str:
    """What stands behind `Basic`."""
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")

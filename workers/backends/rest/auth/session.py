"""A log-in whose tokens and cookies go with each request (DADL 0.2, auth of type session)."""

import re
from collections.abc import Collection

import msgspec
import yarl

from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.authenticator import Unauthenticated
from workers.backends.rest.auth.cookies import Jar
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.login import Login, OpenSession
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.signed import signed_by, with_headers
from workers.backends.rest.auth.upheld import Key, Upheld
from workers.backends.rest.dadl.auth import SessionAuth
from workers.backends.rest.request import Request
from workers.egress.outgoing import Outgoing

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


class Session:
    """See Authenticator."""

    def __init__(self, auth: SessionAuth, place: Place) -> None:
        self._auth = auth
        self._place = place
        self._in_use = InUse(place.settings.rest_cookies_max)
        self._login = Login(auth, place, self._in_use)
        made_of = (place.entry.name, place.base_url, msgspec.json.encode(auth).decode())
        self._sessions = Upheld(place, OpenSession, self._login, made_of, lambda key: made_of, alone=True)
        self._jar: tuple[str, Jar] | None = None
        """That of the session with that number: this worker's, which answers change."""
        self._origin = yarl.URL(place.base_url).origin()
        self._plain = Unauthenticated()

    async def sign(self, request: Request) -> Outgoing:
        """With what the log-in gave. Raises Failed where that is refused, MeshError where it can't be tried."""
        key = self._key()
        if key is None:
            return await self._plain.sign(request)
        self._in_use.add(*key)  # a log-in may say it, too
        session = await self._sessions.current(key)
        jar = self._jar_of(session)
        self._in_use.add(*(cookie.value for cookie in jar.cookies), *session.tokens.values(), *key)
        headers = {each.header: _filled(each.value, session) for each in self._auth.inject}
        if cookies := jar.header(request.url):
            own = next((value for name, value in request.headers.items() if name.lower() == "cookie"), "")
            headers["Cookie"] = f"{own}; {cookies}" if own else cookies
        return with_headers(request, headers, by=session)

    async def renew(self, sent: Outgoing, answer: Answer) -> bool:
        """The session is forgotten where the file wants a new log-in, unless there is another one already."""
        return self._auth.logs_in_again and self._key() is not None and self._sessions.reject(signed_by(sent))

    def note(self, answer: Answer) -> None:
        """Cookies are kept for the session that is open, by this worker alone."""
        if answer.status != 401:
            self._sessions.accepted()
        if answer.cookies and self._jar is not None and answer.url.origin() == self._origin:
            jar = self._jar[1]
            jar.take(answer.url, answer.cookies)
            self._in_use.add(*(cookie.value for cookie in jar.cookies))

    def secrets(self) -> Collection[str]:
        """What the log-in is made with, and what it gave."""
        return self._in_use.values

    async def close(self) -> None:
        """See Authenticator."""
        await self._sessions.close()

    def _jar_of(self, session: OpenSession) -> Jar:
        if self._jar is None or self._jar[0] != session.number:
            self._jar = (session.number, Jar(session.cookies, self._place.settings.rest_cookies_max))
        return self._jar[1]

    def _key(self) -> Key | None:
        """None where a credential of the log-in is missing."""
        values = [self._place.given.find(name) for name in self._login.credentials]
        return None if None in values else tuple(value or "" for value in values)


def _filled(text: str, session: OpenSession) -> str:
    return _PLACEHOLDER.sub(lambda found: session.tokens[found[1]], text)

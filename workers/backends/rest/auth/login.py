"""The request that opens a session (DADL 0.2, auth of type session)."""

import secrets
from typing import Any

import msgspec
import structlog
import yarl

from shared.errors import UpstreamBadResponse, UpstreamTimeout, UpstreamTooLarge, UpstreamUnreachable
from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.cookies import Cookie, Jar
from workers.backends.rest.auth.given import is_header_value
from workers.backends.rest.auth.in_use import InUse
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.upheld import Key
from workers.backends.rest.dadl.auth import SessionAuth, credentials_of
from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.failed import Failed
from workers.backends.rest.selecting import NotThere, select
from workers.egress.outgoing import Outgoing

log = structlog.get_logger()

_REFERENCE = "credential:"
_TOKEN_CHARS_MAX = 16 * 1024


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """What a log-in gave. Its repr shows nothing."""

    number: str
    """Random; tells it from every other one."""
    tokens: dict[str, str]
    cookies: tuple[Cookie, ...]

    def __repr__(self) -> str:
        return "OpenSession(…)"


class Login:
    """That of one backend. A source of `Upheld`."""

    def __init__(self, auth: SessionAuth, place: Place, in_use: InUse) -> None:
        self._login = auth.login
        self._place = place
        self._in_use = in_use
        self.credentials = credentials_of(auth)
        self._extract = {name: parse_json_path(path) for name, path in auth.login.extract.items()}

    async def fetch(self, key: Key, until: float | None) -> tuple[OpenSession, float]:
        """Log in. Raises Failed where that is refused or gives nothing, UpstreamUnreachable where it can't be tried."""
        name = self._place.entry.name
        answer = await self._send(self._outgoing(dict(zip(self.credentials, key, strict=True))))
        if answer.status >= 500 or answer.status == 429:
            raise UpstreamUnreachable(
                f"The log-in of backend {name!r} answers HTTP {answer.status}. Nothing else was sent to its API."
            )
        if 300 <= answer.status < 400:
            raise self._useless("is a redirect, which is not followed with credentials")
        if not 200 <= answer.status < 300:
            log.warning("a log-in was refused", backend=name, status=answer.status)
            variables = ", ".join(self._place.given.variable(each) for each in self.credentials) or "the variables"
            raise Failed(
                "unauthorized",
                f"The log-in of backend {name!r} answers HTTP {answer.status}. Look at `login`, and at {variables} of its "
                "workers.",
            )
        jar = Jar((), self._place.settings.rest_cookies_max)
        jar.take(answer.url, answer.cookies)
        tokens = self._tokens(answer)
        self._in_use.add(*tokens.values(), *(cookie.value for cookie in jar.cookies))
        opened = OpenSession(number=secrets.token_hex(8), tokens=tokens, cookies=jar.cookies)
        return opened, self._place.settings.rest_session_s

    def _outgoing(self, values: dict[str, str]) -> Outgoing:
        # The one stands behind the other: `@elsewhere` or `.elsewhere` in the path would make it another host.
        if not self._login.path.startswith("/"):
            raise self._useless("would come from another host than `base_url`: its `path` has no `/` in front")
        url = yarl.URL(self._place.base_url + self._login.path)
        method = self._login.method.upper()
        headers = {"Accept": "application/json"}
        if not self._login.body:
            return Outgoing(method=method, url=url, headers=headers)
        body = msgspec.json.encode(_resolved(self._login.body, values))
        return Outgoing(method=method, url=url, headers=headers | {"Content-Type": "application/json"}, body=body)

    async def _send(self, outgoing: Outgoing) -> Answer:
        settings = self._place.settings
        name = self._place.entry.name
        try:
            return await self._place.wire.send(
                outgoing, bytes_max=settings.rest_token_bytes_max, within_s=settings.rest_token_s, masked=False
            )
        except UpstreamTimeout:
            why = f"does not answer within {settings.rest_token_s:g} s (`TOOLMESH_REST_TOKEN_S`)"
        except UpstreamTooLarge:
            why = f"answers with more than {settings.rest_token_bytes_max} bytes"
        except UpstreamBadResponse:
            why = "breaks off, or does not speak HTTP"
        raise UpstreamUnreachable(f"The log-in of backend {name!r} {why}. Nothing else was sent to its API.")

    def _tokens(self, answer: Answer) -> dict[str, str]:
        if not self._extract:
            return {}
        try:
            document = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._useless("is not JSON, so nothing can be extracted from it") from None
        tokens = {}
        for name, segments in self._extract.items():
            try:
                tokens[name] = _token(select(segments, document))
            except NotThere as absent:
                raise self._useless(f"has no `{name}`: {absent}") from None
            except ValueError:
                raise self._useless(f"has a `{name}` that no header can carry") from None
        return tokens

    def _useless(self, why: str) -> Failed:
        return Failed(
            "unauthorized", f"The answer to the log-in of backend {self._place.entry.name!r} {why}. Look at `login`."
        )


def _resolved(value: Any, values: dict[str, str]) -> Any:
    """The body, with credentials in place of what stands for them."""
    if isinstance(value, str):
        return values[value.removeprefix(_REFERENCE)] if value.startswith(_REFERENCE) else value
    if isinstance(value, dict):
        return {name: _resolved(each, values) for name, each in value.items()}
    return [_resolved(each, values) for each in value] if isinstance(value, list) else value


def _token(found: Any) -> str:
    """As text. Raises ValueError for what is none, or fits into no header."""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError
    text = str(found)
    if len(text) > _TOKEN_CHARS_MAX or not is_header_value(text):
        raise ValueError
    return text

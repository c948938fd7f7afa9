"""The door of an edge put together: who may come in, where people log in, and what a browser sees."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.admit import Gate
from edge.authenticate import Authenticator
from edge.cross_origin import CrossOrigin
from edge.external.scope_names import ScopeNames
from edge.external.servers import watched_servers
from edge.external.tokens import ExternalTokens
from edge.guard import Guard
from edge.identities.known import watched_identities
from edge.identities.slow_keys import SlowKeys
from edge.in_touch import keep_trying
from edge.landing import Landing, no_icon
from edge.oauth.log_in import LogIn
from edge.recorder import Recorder
from shared.clock import BrokerClock
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings


class Door:
    """Of one edge."""

    def __init__(
        self,
        settings: Settings,
        ring: KeyRing,
        line: RedisLine,
        clock: BrokerClock,
        recorder: Recorder,
        gate: Gate,
        public_url: str,
        *,
        admits_anonymous: Callable[[], bool],
    ) -> None:
        """`admits_anonymous`: whether there is a rule now for who brings no credential. Raises ConfigurationError."""
        self._identities = watched_identities(settings)
        self._servers = watched_servers(settings, public_url)
        self._log_in = LogIn(
            settings, ring, line, clock, self._identities, recorder, public_url, lambda: self._servers.value
        )
        self._landing = Landing(settings, public_url, lambda: self._servers.value)
        authenticator = Authenticator(
            lambda: self._identities.value,
            self._log_in.tokens if settings.own_authorization_server != "off" else None,
            SlowKeys(),
            public_url,
            anonymous=lambda: settings.auth == "none" and admits_anonymous(),
            elsewhere=ExternalTokens(settings, lambda: self._servers.value, lambda: self._identities.value),
            characters_max=settings.external_token_characters_max,
        )
        self.guard = Guard(
            gate,
            authenticator,
            CrossOrigin(),
            recorder.denied,
            public_url=public_url,
            scope=self._log_in.challenge_scope,
            show_page=self._landing.show,
        )
        """Lets requests of every transport in."""

    def routes(self) -> list[Route]:
        """What is at `/`, the authorization server's endpoints, and what clients discover."""
        root: Callable[[Request], Awaitable[Response]] = self._landing.root
        return [Route("/", root), Route("/favicon.ico", no_icon), *self._log_in.routes()]

    def scope_names(self, caller_id: str) -> ScopeNames:
        """How scopes are called where a client got its token."""
        return self._servers.value.names_for(caller_id)

    def jobs(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What is to run beside for as long as the edge does."""
        return self._identities.keep_current(), self._log_in.registered.keep_current(), self._servers.keep_current()

    async def open(self, is_draining: Callable[[], bool]) -> None:
        """Connect to where log-ins are kept; a broker that is away is waited for, unless the edge is told to stop."""
        await keep_trying(self._log_in.open, is_draining, "waiting for the broker of log-ins")

    async def close(self) -> None:
        """Disconnect."""
        await self._log_in.broker.close()

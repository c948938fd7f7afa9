"""The authorization server put together: its endpoints as a plain list of routes, and what the bearer gate asks it."""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.routing import Route

from edge.client_address import ClientAddresses
from edge.external.servers import Servers
from edge.identities.identities import Identities
from edge.identities.password_check import PasswordCheck
from edge.oauth.access_tokens import AccessTokens
from edge.oauth.answers import preflight
from edge.oauth.auth_broker import AuthBroker
from edge.oauth.authorize import AuthorizeEndpoint
from edge.oauth.browser import Browsers
from edge.oauth.client_documents import ClientDocuments
from edge.oauth.client_keys import ClientKeys
from edge.oauth.client_request import ClientRequests
from edge.oauth.clients import Clients, watched_clients
from edge.oauth.consent import ConsentEndpoint
from edge.oauth.guarded_http import GuardedHttp
from edge.oauth.login import LoginEndpoint
from edge.oauth.login_attempts import LoginAttempts
from edge.oauth.login_page import LoginPage
from edge.oauth.metadata import Endpoint, authorization_server, not_found, protected_resource
from edge.oauth.page_request import PageRequests
from edge.oauth.pending import PendingRequests
from edge.oauth.provider_log_in import ProviderLogIn
from edge.oauth.provider_states import ProviderStates
from edge.oauth.register import RegisterEndpoint, closed
from edge.oauth.revoke import RevokeEndpoint
from edge.oauth.server import Server
from edge.oauth.store import GrantStore
from edge.oauth.token import TokenEndpoint
from edge.providers.providers import CALLBACK_PATH, Providers
from edge.recorder import Recorder
from shared import scopes
from shared.clock import BrokerClock
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings
from shared.watched import Watched

_WELL_KNOWN = "/.well-known/"


class LogIn:
    """The authorization server of one edge."""

    def __init__(
        self,
        settings: Settings,
        ring: KeyRing,
        line: RedisLine,
        clock: BrokerClock,
        identities: Watched[Identities],
        recorder: Recorder,
        public_url: str,
        servers: Callable[[], Servers],
    ) -> None:
        """`line`, `clock`: of the calls' broker. `servers`: the authorization servers that clients are told of now.

        Raises ConfigurationError for a clients.yaml that can't be used.
        """
        self._settings = settings
        self._public_url = public_url
        self._servers = servers if settings.auth == "required" else None
        """None where nobody has to log in: a client that found any would ask its person to."""
        self.enabled = settings.auth == "required" and settings.own_authorization_server != "off"
        """Whether anybody can log in here."""
        self.broker = AuthBroker(settings, line, clock)
        store = GrantStore(self.broker.line, ring, self.broker.clock, settings, refused=recorder.refused)
        self.tokens = AccessTokens(store, kept_s=settings.token_cache_s, hears=lambda: self.broker.hears)
        self.registered = watched_clients(settings)
        """The clients that the operator set up."""
        addresses = ClientAddresses(settings.trusted_proxies)
        register = RegisterEndpoint(store, addresses, recorder, settings)
        http = GuardedHttp(settings)
        documents = ClientDocuments(http, settings)
        clients = Clients(lambda: self.registered.value, documents, register.find)
        client_keys = ClientKeys(http, settings)
        server = Server(public_url, settings)
        requests = ClientRequests(clients, client_keys, addresses, recorder, settings)
        pages = PageRequests(recorder, https=public_url.startswith("https://"), body_read_s=settings.body_read_s)
        browsers = Browsers(public_url, max_age_s=settings.login_session_s)
        pending = PendingRequests(server, store, clients, browsers, addresses, repeat_s=settings.form_repeat_s)
        page = LoginPage(pending, pages, lambda: identities.value, ring, recorder, public_url)
        self._elsewhere = ProviderLogIn(
            page,
            pending,
            pages,
            Providers(settings, lambda: identities.value, public_url, self.broker.clock.now_ms),
            ProviderStates(self.broker.line, ring, kept_s=settings.authorization_request_s, refused=recorder.refused),
            lambda: identities.value,
            recorder,
            settings,
        )
        self._authorize = AuthorizeEndpoint(pending, pages, public_url, settings)
        self._login = LoginEndpoint(
            page,
            pending,
            pages,
            PasswordCheck(settings, lambda: identities.value),
            LoginAttempts(store, settings),
            self._elsewhere,
            recorder,
            by_password=settings.password_login,
        )
        self._consent = ConsentEndpoint(pending, pages, identities, ring, recorder, public_url, settings)
        self._token = TokenEndpoint(server, store, ring, identities, requests, recorder)
        self._revoke = RevokeEndpoint(server, store, ring, requests, recorder)
        self._register: Endpoint = register.__call__ if settings.client_registration == "open" else closed

    def challenge_scope(self) -> str:
        """What a client without a token is told to ask for; empty where there is nothing to log in at."""
        servers = self._servers() if self._servers is not None else None
        if servers is None or not servers.listed:
            return ""
        return " ".join(servers.names.asked(scopes.in_order(self._settings.challenge_scopes)))

    async def open(self) -> None:
        """Connect. Raises BrokerUnavailable."""
        await self.broker.open(self.tokens.on_end, self.tokens.forget)

    def routes(self) -> list[Route]:
        """The endpoints. Paths that are not there are a JSON 404 below the well-known path, which discovery understands."""
        found: list[Route] = []
        if self.enabled:
            found += [
                Route("/authorize", self._authorize.__call__, methods=["GET"]),
                Route("/login", self._login.__call__, methods=["GET", "POST"]),
                Route("/login/{provider}", self._elsewhere.begin, methods=["GET"]),
                Route(CALLBACK_PATH + "{provider}", self._elsewhere.callback, methods=["GET"]),
                Route("/consent", self._consent.__call__, methods=["GET", "POST"]),
            ]
            for path, endpoint in (
                ("/token", self._token.__call__),
                ("/revoke", self._revoke.__call__),
                ("/register", self._register),
            ):
                found.append(Route(path, preflight, methods=["OPTIONS"]))
                found.append(Route(path, endpoint, methods=["POST"]))
        return [*found, *self._discovery()]

    def _discovery(self) -> list[Route]:
        resource = protected_resource(self._public_url, self._servers)
        documents: dict[str, Endpoint] = {
            "oauth-protected-resource": resource,
            "oauth-protected-resource/{rest:path}": resource,
        }
        if self.enabled:
            server = authorization_server(self._public_url, self._settings)
            path = urlsplit(self._public_url).path
            names = ["oauth-authorization-server"]
            if self._settings.openid_configuration:
                names.append("openid-configuration")
            for name in names:
                documents[name] = server
                if path:
                    documents[name + path] = server  # RFC 8414 section 3.1
        routes: list[Route] = []
        for name, endpoint in {**documents, "{rest:path}": not_found}.items():
            routes.append(Route(_WELL_KNOWN + name, preflight, methods=["OPTIONS"]))
            routes.append(Route(_WELL_KNOWN + name, endpoint, methods=["GET", "HEAD"]))
        return routes

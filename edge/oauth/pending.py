"""A client's request between the pages: found again by the browser's cookie and the request's id, and checked anew each
time."""

from dataclasses import dataclass

from starlette.requests import Request

from edge.client_address import ClientAddresses
from edge.oauth.browser import Browsers
from edge.oauth.clients import Clients, OAuthClient
from edge.oauth.parameters import Parameters
from edge.oauth.server import Answer, Server
from edge.oauth.store import GrantStore
from edge.oauth.transaction import Transaction

_RID_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for the person."""

    rid: str
    browser: str
    parameters: Parameters
    transaction: Transaction
    """With the client, and with what it asks to be allowed."""

    @property
    def client(self) -> OAuthClient:
        """The client that asks."""
        assert self.transaction.client is not None
        return self.transaction.client

    @property
    def redirect_uri(self) -> str:
        """Where the answer will go: one of the client's."""
        return str(self.transaction.allowed["redirect_uri"])

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the client asks for."""
        return tuple(str(self.transaction.allowed["scope"]).split())

    @property
    def resource(self) -> str:
        """What it is for."""
        return str(self.transaction.allowed["resource"])


class PendingRequests:
    """Keeps and finds them."""

    def __init__(
        self, server: Server, store: GrantStore, clients: Clients, browsers: Browsers, addresses: ClientAddresses
    ) -> None:
        self.server = server
        self.store = store
        self.browsers = browsers
        self.addresses = addresses
        self._clients = clients

    async def check(self, parameters: Parameters, address: str) -> tuple[Transaction, Answer | None]:
        """Look a request's client up, and check the request; with the redirect by which it is refused, if it is.

        Raises AuthorizeError, DocumentRefused, BrokerUnavailable.
        """
        client_id = parameters.get("client_id")
        transaction = Transaction()
        if client_id is not None:
            transaction.client = await self._clients.find(client_id, asked_by=address)
        return transaction, self.server.check_request(parameters, transaction)

    async def keep(self, rid: str, browser: str, parameters: Parameters) -> None:
        """Keep a request for a browser, or for the cookie that it has from now on."""
        kept = dict(parameters.values)
        if parameters.resources:
            kept["resource"] = parameters.resources[0]
        await self.store.put_request(rid, browser, kept)

    async def find(self, request: Request, rid: str | None) -> Pending | Answer | None:
        """The request that a page is about; None where there is none any more, or it is another browser's.

        An Answer where the client or its request has become one to refuse meanwhile. Raises as `check`.
        """
        browser = self.browsers.of(request)
        if rid is None or browser is None or len(rid) > _RID_CHARACTERS_MAX:
            return None
        kept = await self.store.request(rid, browser)
        if kept is None:
            return None
        values = dict(kept.parameters)
        resource = values.pop("resource", None)
        parameters = Parameters(values, (resource,) if resource is not None else ())
        transaction, refused = await self.check(parameters, self.addresses.of(request.scope))
        return refused if refused is not None else Pending(rid, browser, parameters, transaction)

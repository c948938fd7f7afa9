"""A client's request between the pages: found again by the browser's cookie and the request's id, and checked anew each
time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from edge.client_address import ClientAddresses
from edge.oauth.browser import Browsers
from edge.oauth.clients import Clients, OAuthClient
from edge.oauth.parameters import Parameters
from edge.oauth.secret_tokens import digest_of
from edge.oauth.server import Answer, Server
from edge.oauth.store import GrantStore
from edge.oauth.transaction import Transaction
from shared.grants import DecidedRequest

_RID_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for the person."""

    rid: str
    browser: str
    parameters: Parameters
    transaction: Transaction
    """With the client, and with what it asks to be allowed."""
    handed_on_to: str = ""
    """Of a browser that was this one until somebody logged in just now: the digest of what it changed to."""
    fresh: bool = False
    """Whether somebody logged in for this request just now."""

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
        self,
        server: Server,
        store: GrantStore,
        clients: Clients,
        browsers: Browsers,
        addresses: ClientAddresses,
        *,
        repeat_s: float,
    ) -> None:
        """`repeat_s`: for how long a form that is sent again is the same form."""
        self.server = server
        self.store = store
        self.browsers = browsers
        self.addresses = addresses
        self._clients = clients
        self._repeat_ms = repeat_s * 1000

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
        """Keep a request for a browser."""
        await self.store.put_request(rid, browser, kept_of(parameters))

    async def find(self, request: Request, rid: str | None, *, former: bool = False) -> Pending | Answer | None:
        """The request that a page is about; None where there is none any more, or it is another browser's.

        `former`: the browser may also be the one that it was until somebody logged in just now. An Answer where the client
        or its request has become one to refuse meanwhile. Raises as `check`.
        """
        browser = self.browsers.of(request)
        if rid is None or browser is None or len(rid) > _RID_CHARACTERS_MAX:
            return None
        kept = await self.store.request(rid)
        if kept is None:
            return None
        digest = digest_of(browser)
        fresh = bool(kept.former) and self.store.clock.now_ms() - kept.logged_in_ms < self._repeat_ms
        if digest == kept.browser:
            return await self._anew(request, rid, browser, kept.parameters, fresh=fresh)
        if former and fresh and digest == kept.former:
            return await self._anew(request, rid, browser, kept.parameters, handed_on_to=kept.browser)
        return None

    async def decided(self, request: Request, rid: str | None) -> tuple[Pending, DecidedRequest] | None:
        """The request of a page that the person decided just now, in this browser; None for every other one.

        Raises as `check`.
        """
        browser = self.browsers.of(request)
        if rid is None or browser is None or len(rid) > _RID_CHARACTERS_MAX:
            return None
        record = await self.store.decisions.find(rid, browser)
        found = await self._anew(request, rid, browser, record.parameters) if record is not None else None
        return (found, record) if record is not None and isinstance(found, Pending) else None

    async def _anew(
        self, request: Request, rid: str, browser: str, kept: Mapping[str, str], **more: Any
    ) -> Pending | Answer:
        """What was kept, checked as if it came now."""
        values = dict(kept)
        resource = values.pop("resource", None)
        parameters = Parameters(values, (resource,) if resource is not None else ())
        transaction, refused = await self.check(parameters, self.addresses.of(request.scope))
        return refused if refused is not None else Pending(rid, browser, parameters, transaction, **more)


def kept_of(parameters: Parameters) -> dict[str, str]:
    """Parameters as they are kept."""
    kept = dict(parameters.values)
    if parameters.resources:
        kept["resource"] = parameters.resources[0]
    return kept

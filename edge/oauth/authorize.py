"""GET /authorize: a client sends a person here to be asked (RFC 6749 section 4.1.1, OAuth 2.1 section 4.1.1).

What can't be trusted to be the client's is answered with a page, never with a redirect (RFC 9700 section 4.11).
"""

import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from edge.oauth.flood import Flood
from edge.oauth.page_request import PageRequests, lead_to
from edge.oauth.parameters import BadParameters, read_parameters
from edge.oauth.pending import PendingRequests
from shared.settings import Settings


class AuthorizeEndpoint:
    """Takes a client's request in, and leads the person to the pages."""

    def __init__(self, pending: PendingRequests, pages: PageRequests, public_url: str, settings: Settings) -> None:
        self._pending = pending
        self._pages = pages
        self._public_url = public_url
        self._flood = Flood(settings.authorizations_per_min_max)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._pages.answer(request, "authorize", self._answer)

    async def _answer(self, request: Request) -> Response:
        address = self._pending.addresses.of(request.scope)
        if wait_s := self._flood.wait_s(address):
            return self._pages.too_many(wait_s)
        self._flood.add(address)
        parameters = read_parameters(request.scope["query_string"])
        if parameters.get("prompt") == "none":
            raise BadParameters("Somebody has to be asked, and prompt=none forbids it.")
        _, refused = await self._pending.check(parameters, address)
        if refused is not None:
            return self._pages.turned_away(refused)
        browser = self._pending.browsers.of(request)
        headers = {}
        if browser is None:
            browser = self._pending.browsers.new()
            headers["set-cookie"] = self._pending.browsers.cookie(browser)
        rid = secrets.token_urlsafe(24)
        await self._pending.keep(rid, browser, parameters)
        known = await self._pending.store.subject_in(browser)
        page = "consent" if known is not None else "login"
        return lead_to(f"{self._public_url}/{page}?{urlencode({'rid': rid})}", headers)

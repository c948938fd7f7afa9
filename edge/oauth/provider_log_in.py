"""/login/{provider} and /auth/callback/{provider}: log in elsewhere (OpenID Connect Core 1.0, section 3.1; RFC 9700).

Each provider has a callback of its own, and what comes back there is looked at only in the browser that was sent (its
cookie), for the request that it was sent for, and once.
"""

import secrets
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from edge.identities.identities import Identities
from edge.oauth.flood import Flood
from edge.oauth.login_page import LoginPage
from edge.oauth.page_request import PageRequests, lead_to
from edge.oauth.parameters import read_fields
from edge.oauth.pending import Pending, PendingRequests
from edge.oauth.provider_states import ProviderStates
from edge.oauth.server import Answer
from edge.providers.provider import Failed, ProviderFailed
from edge.providers.providers import Providers
from edge.recorder import Recorder
from shared.foreign_identity import ForeignIdentity
from shared.identity import Principal
from shared.identity_providers_file import IdentityProviderEntry
from shared.settings import Settings

log = structlog.get_logger()

_STATE_CHARACTERS_MAX = 64
_SAID: dict[Failed, tuple[int, str]] = {
    "away": (503, "{} can't be reached at the moment. Try again in a moment, or log in another way."),
    "declined": (403, "You were not logged in with {}: it was cancelled there. Try again if that was not meant."),
    "refused": (403, "{} refused to log you in here. Try again; if that does not help, tell the operator of this server."),
    "untrue": (
        400,
        "What came back from {} can't be trusted, so nobody was logged in. Try again; if that does not help, tell the "
        "operator of this server.",
    ),
    "setup": (500, "Logging in with {} is not set up right on this server. Tell its operator."),
}
"""What the person is told, with a status; not 502, whose pages some proxies put their own in the place of. What exactly it
was stands in the log and the audit, for the operator."""
_AGAIN_S = "5"
_GONE = "This way to log in is not there any more. Choose another."


class ProviderLogIn:
    """Sends people there, and takes them back."""

    def __init__(
        self,
        page: LoginPage,
        pending: PendingRequests,
        pages: PageRequests,
        providers: Providers,
        states: ProviderStates,
        identities: Callable[[], Identities],
        recorder: Recorder,
        settings: Settings,
    ) -> None:
        """`identities` gives the newest."""
        self._page = page
        self._pending = pending
        self._pages = pages
        self._providers = providers
        self._states = states
        self._identities = identities
        self._recorder = recorder
        self._flood = Flood(settings.authorizations_per_min_max)

    @property
    def only(self) -> IdentityProviderEntry | None:
        """The provider, where there is just one."""
        listed = self._providers.listed
        return listed[0] if len(listed) == 1 else None

    async def begin(self, request: Request) -> Response:
        """Answer one request of /login/{provider}: a link of the log-in page."""
        return await self._pages.answer(request, "login", self._begin)

    async def callback(self, request: Request) -> Response:
        """Answer one request of /auth/callback/{provider}."""
        return await self._pages.answer(request, "callback", self._callback)

    async def send(self, found: Pending, entry: IdentityProviderEntry, *, again: bool) -> Response:
        """Send a person there."""
        state = secrets.token_urlsafe(32)
        try:
            url = await self._providers.way_in(entry, found.browser, state, again=again)
        except ProviderFailed as failed:
            return self._failed(found, entry, failed)
        await self._states.put(found.browser, state, provider=entry.name, issuer=entry.site, rid=found.rid)
        return lead_to(url)

    async def _begin(self, request: Request) -> Response:
        if not self._pending.browsers.is_own_form(request):
            return self._pages.expired("login")
        address = self._pending.addresses.of(request.scope)
        if wait_s := self._flood.wait_s(address):
            return self._pages.too_many(wait_s)
        self._flood.add(address)
        found = await self._pending.find(request, request.query_params.get("rid"))
        if found is None:
            return self._pages.expired("login")
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        entry = self._providers.find(request.path_params["provider"])
        if entry is None:
            return self._page.show(found, 404, _GONE)
        return await self.send(found, entry, again="again" in request.query_params)

    async def _callback(self, request: Request) -> Response:
        came = read_fields(request.scope["query_string"])
        browser, state = self._pending.browsers.of(request), came.get("state") or ""
        if browser is None or len(state) > _STATE_CHARACTERS_MAX or request.method != "GET":
            return self._pages.expired("callback")
        sent = await self._states.take(browser, state)
        if sent is None:
            return self._pages.expired("callback")
        found = await self._pending.find(request, sent.rid)
        if found is None:
            return self._pages.expired("callback")
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        entry = self._providers.find(sent.provider)
        if entry is None or entry.site != sent.issuer:
            return self._page.show(found, 404, _GONE)
        try:
            if request.path_params["provider"] != sent.provider:
                raise ProviderFailed("untrue", "the person came back to the callback of another provider")
            identity = await self._providers.identity(entry, browser, state, came)
        except ProviderFailed as failed:
            return self._failed(found, entry, failed)
        return await self._arrived(found, entry, identity)

    async def _arrived(self, found: Pending, entry: IdentityProviderEntry, identity: ForeignIdentity) -> Response:
        known = self._identities()
        if known.standing(identity) is None:
            who = Principal(tenant="", subject=identity.username, caller_id=found.client.client_id)
            text = f"{entry.name}: the mapping does not let them in"
            self._recorder.denied("login_failed", who, "", text, stranger=True)
            text = (
                f"You are {known.called(identity)}, and that account may not come in here. Log in as somebody else, or ask "
                f"the operator of this server to let in {identity.username}"
            )
            return self._page.show(found, 403, text, again=True)
        return await self._page.logged_in(found, identity)

    def _failed(self, found: Pending, entry: IdentityProviderEntry, failed: ProviderFailed) -> Response:
        log.warning("log-in elsewhere failed", provider=entry.name, kind=failed.kind, reason=str(failed))
        self._recorder.denied("login_failed", None, "", f"{entry.name}: {failed}")
        status, said = _SAID[failed.kind]
        headers = {"retry-after": _AGAIN_S} if failed.kind == "away" else None
        return self._page.show(found, status, said.format(entry.shown), headers=headers)

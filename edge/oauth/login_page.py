"""The page that asks who somebody is, and what happens once that is known, by whichever way."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

from starlette.responses import Response

from edge.identities.identities import Identities
from edge.oauth.browser import form_token
from edge.oauth.page_request import PageRequests, lead_to
from edge.oauth.pending import Pending, PendingRequests, kept_of
from edge.oauth.secret_tokens import browser_after, browser_named
from edge.pages.login import LoginView, login_page
from edge.recorder import Recorder
from shared.foreign_identity import Subject, username_of
from shared.mesh_keys import KeyRing
from shared.redirect_uris import app_scheme, form_action_source, shown_host

PURPOSE = "login"
"""What the form's token is for."""
_NOBODY = "Nobody can log in here at the moment. Tell the operator of this server."


class LoginPage:
    """Of one edge."""

    def __init__(
        self,
        pending: PendingRequests,
        pages: PageRequests,
        identities: Callable[[], Identities],
        ring: KeyRing,
        recorder: Recorder,
        public_url: str,
    ) -> None:
        """`identities` gives the newest."""
        self._pending = pending
        self._pages = pages
        self._identities = identities
        self._ring = ring
        self._recorder = recorder
        self._public_url = public_url

    def show(
        self,
        found: Pending,
        status: int = 200,
        problem: str = "",
        username: str = "",
        headers: dict[str, str] | None = None,
        *,
        again: bool = False,
    ) -> Response:
        """The page. `again`: somebody is logged in elsewhere, perhaps, and wants to be somebody else."""
        known = self._identities()
        query = urlencode({"rid": found.rid, **({"again": "1"} if again else {})})
        if not problem and not known.password_log_in and not known.providers:
            problem = _NOBODY
        view = LoginView(
            action=f"{self._public_url}/login",
            csrf=form_token(found.browser, found.rid, PURPOSE),
            rid=found.rid,
            client_name=found.client.client_name,
            verified=found.client.verified,
            redirect_host=shown_host(found.redirect_uri),
            app_scheme=app_scheme(found.redirect_uri),
            problem=problem,
            username=username,
            password=known.password_log_in,
            elsewhere=tuple((each.shown, f"{self._public_url}/login/{each.name}?{query}") for each in known.providers),
        )
        source = form_action_source(found.redirect_uri)
        return login_page(view, status=status, https=self._pages.https, form_action=source, headers=headers or {})

    async def logged_in(self, found: Pending, subject: Subject) -> Response:
        """The browser gets another cookie: one that was there before, whoever set it, opens nothing."""
        username = username_of(subject)
        if found.handed_on_to:
            again = browser_named(self._ring, found.browser, found.rid, username, found.handed_on_to)
            return self._pages.expired("login") if again is None else self.to_consent(found, again)
        browser = browser_after(self._ring, found.browser, found.rid, username)
        store = self._pending.store
        await asyncio.gather(
            store.put_browser(browser, subject),
            store.forget_browser(found.browser),
            store.hand_request_on(found.rid, found.browser, browser, kept_of(found.parameters)),
        )
        self._recorder.access("login", username, found.client.client_id)
        return self.to_consent(found, browser)

    def to_consent(self, found: Pending, browser: str | None = None) -> Response:
        """On to the question; `browser`: the browser's new secret."""
        cookie = {"set-cookie": self._pending.browsers.cookie(browser)} if browser is not None else {}
        return lead_to(f"{self._public_url}/consent?{urlencode({'rid': found.rid})}", cookie)

"""/login: who are you? Asked for one request of one client, in one browser.

The form that is sent twice leads on to the same place: the browser's next secret follows from its former one, the request
and who logged in. Whoever sends it has to know the password each time, so a former secret alone opens nothing.
"""

import asyncio
import math
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from edge.identities.password_check import PasswordCheck
from edge.oauth.browser import form_token, is_form_token
from edge.oauth.login_attempts import LoginAttempts
from edge.oauth.page_request import PageRequests
from edge.oauth.pending import Pending, PendingRequests, kept_of
from edge.oauth.secret_tokens import browser_after, browser_named
from edge.oauth.server import Answer
from edge.pages.login import LoginView, login_page
from edge.recorder import Recorder
from shared.errors import TooBusy
from shared.mesh_keys import KeyRing
from shared.redirect_uris import app_scheme, form_action_source, shown_host

_WRONG = "That name and password do not fit together."
_PURPOSE = "login"


class LoginEndpoint:
    """Shows the form, and takes it."""

    def __init__(
        self,
        pending: PendingRequests,
        pages: PageRequests,
        passwords: PasswordCheck,
        attempts: LoginAttempts,
        ring: KeyRing,
        recorder: Recorder,
        public_url: str,
    ) -> None:
        self._pending = pending
        self._pages = pages
        self._passwords = passwords
        self._attempts = attempts
        self._ring = ring
        self._recorder = recorder
        self._public_url = public_url

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._pages.answer(request, "login", self._post if request.method == "POST" else self._get)

    async def _get(self, request: Request) -> Response:
        found = await self._pending.find(request, request.query_params.get("rid"))
        if found is None:
            return self._pages.expired("login")
        return self._pages.turned_away(found) if isinstance(found, Answer) else self._form(found)

    async def _post(self, request: Request) -> Response:
        if not self._pending.browsers.is_own_form(request):
            return self._pages.expired("login")
        form = await self._pages.read_form(request)
        found = await self._pending.find(request, form.get("rid"), former=True)
        if found is None:
            return self._pages.expired("login")
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        username, password = form.get("username") or "", form.get("password") or ""
        if not is_form_token(form.get("csrf"), found.browser, found.rid, _PURPOSE):
            if found.fresh and await self._pending.store.subject_in(found.browser) == username:
                return self._to_consent(found)  # the browser has its new secret, and sends the form of the old one again
            return self._pages.expired("login")
        address = self._pending.addresses.of(request.scope)
        if wait_s := await self._attempts.begin(username, address):
            self._recorder.denied("login_locked", None, "", "Too many failed log-ins.")
            minutes = max(1, math.ceil(wait_s / 60))
            text = f"There were too many tries. Come back in {minutes} minute{'s' if minutes > 1 else ''}."
            return self._form(found, 429, text, username, {"retry-after": str(max(1, math.ceil(wait_s)))})
        try:
            account = await self._passwords.check(username, password)
        except TooBusy:
            await self._attempts.not_looked_at(username, address)
            raise
        if account is None:
            self._recorder.denied("login_failed", None, "", "Unknown name or wrong password.")
            return self._form(found, 401, _WRONG, username)
        await self._attempts.succeeded(username, address)
        return await self._logged_in(found, account.username)

    async def _logged_in(self, found: Pending, subject: str) -> Response:
        """The browser gets another cookie: one that was there before, whoever set it, opens nothing."""
        if found.handed_on_to:
            again = browser_named(self._ring, found.browser, found.rid, subject, found.handed_on_to)
            return self._pages.expired("login") if again is None else self._to_consent(found, again)
        browser = browser_after(self._ring, found.browser, found.rid, subject)
        store = self._pending.store
        await asyncio.gather(
            store.put_browser(browser, subject),
            store.forget_browser(found.browser),
            store.hand_request_on(found.rid, found.browser, browser, kept_of(found.parameters)),
        )
        self._recorder.access("login", subject, found.client.client_id)
        return self._to_consent(found, browser)

    def _to_consent(self, found: Pending, browser: str | None = None) -> Response:
        """On to the question; `browser`: the browser's new secret."""
        cookie = {"set-cookie": self._pending.browsers.cookie(browser)} if browser is not None else {}
        return Response(
            status_code=303,
            headers={
                "location": f"{self._public_url}/consent?{urlencode({'rid': found.rid})}",
                "cache-control": "no-store",
                "referrer-policy": "no-referrer",
                **cookie,
            },
        )

    def _form(
        self,
        found: Pending,
        status: int = 200,
        problem: str = "",
        username: str = "",
        headers: dict[str, str] | None = None,
    ) -> Response:
        view = LoginView(
            action=f"{self._public_url}/login",
            csrf=form_token(found.browser, found.rid, _PURPOSE),
            rid=found.rid,
            client_name=found.client.client_name,
            verified=found.client.verified,
            redirect_host=shown_host(found.redirect_uri),
            app_scheme=app_scheme(found.redirect_uri),
            problem=problem,
            username=username,
        )
        source = form_action_source(found.redirect_uri)
        return login_page(view, status=status, https=self._pages.https, form_action=source, headers=headers or {})

"""/login: who are you? Asked for one request of one client, in one browser.

The form that is sent twice leads on to the same place: the browser's next secret follows from its former one, the request
and who logged in. Whoever sends it has to know the password each time, so a former secret alone opens nothing.
"""

import math

from starlette.requests import Request
from starlette.responses import Response

from edge.identities.password_check import PasswordCheck
from edge.oauth.browser import is_form_token
from edge.oauth.login_attempts import LoginAttempts
from edge.oauth.login_page import PURPOSE, LoginPage
from edge.oauth.page_request import PageRequests
from edge.oauth.pending import Pending, PendingRequests
from edge.oauth.provider_log_in import ProviderLogIn
from edge.oauth.server import Answer
from edge.recorder import Recorder
from shared.errors import TooBusy

_WRONG = "That name and password do not fit together."
_NO_PASSWORDS = "Nobody logs in with a password here."


class LoginEndpoint:
    """Shows the form, and takes it."""

    def __init__(
        self,
        page: LoginPage,
        pending: PendingRequests,
        pages: PageRequests,
        passwords: PasswordCheck,
        attempts: LoginAttempts,
        elsewhere: ProviderLogIn,
        recorder: Recorder,
        *,
        by_password: bool,
    ) -> None:
        """`by_password`: whether anybody can log in with one."""
        self._page = page
        self._pending = pending
        self._pages = pages
        self._passwords = passwords
        self._attempts = attempts
        self._elsewhere = elsewhere
        self._recorder = recorder
        self._by_password = by_password

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._pages.answer(request, "login", self._post if request.method == "POST" else self._get)

    async def _get(self, request: Request) -> Response:
        found = await self._pending.find(request, request.query_params.get("rid"))
        if found is None:
            return self._pages.expired("login")
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        again = "again" in request.query_params
        if not again and not self._by_password and (only := self._elsewhere.only) is not None:
            return await self._elsewhere.send(found, only, again=False)
        return self._page.show(found, again=again)

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
        if not is_form_token(form.get("csrf"), found.browser, found.rid, PURPOSE):
            if found.fresh and await self._pending.store.subject_in(found.browser) == username:
                return self._page.to_consent(found)  # the browser has its new secret, and sends the old one's form again
            return self._pages.expired("login")
        if not self._by_password:
            self._recorder.denied("login_failed", None, "", "A password, where none is taken.")
            return self._page.show(found, 403, _NO_PASSWORDS)
        return await self._check(found, username, password, request)

    async def _check(self, found: Pending, username: str, password: str, request: Request) -> Response:
        address = self._pending.addresses.of(request.scope)
        if wait_s := await self._attempts.begin(username, address):
            self._recorder.denied("login_locked", None, "", "Too many failed log-ins.")
            minutes = max(1, math.ceil(wait_s / 60))
            text = f"There were too many tries. Come back in {minutes} minute{'s' if minutes > 1 else ''}."
            return self._page.show(found, 429, text, username, {"retry-after": str(max(1, math.ceil(wait_s)))})
        try:
            account = await self._passwords.check(username, password)
        except TooBusy:
            await self._attempts.not_looked_at(username, address)
            raise
        if account is None:
            self._recorder.denied("login_failed", None, "", "Unknown name or wrong password.")
            return self._page.show(found, 401, _WRONG, username)
        await self._attempts.succeeded(username, address)
        return await self._page.logged_in(found, account.username)

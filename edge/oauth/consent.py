"""/consent: may this program do that in your name? Asked each time anew; nothing is remembered (MCP, "Consent UI")."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from edge.identities.identities import Identities
from edge.oauth.browser import form_token, is_form_token
from edge.oauth.page_request import PageRequests, lead_to, redirected
from edge.oauth.parameters import BadParameters
from edge.oauth.pending import Pending, PendingRequests, kept_of
from edge.oauth.secret_tokens import code_named, code_of, new_family
from edge.oauth.server import Answer
from edge.pages.consent import ConsentView, consent_page
from edge.recorder import Recorder
from shared import scopes
from shared.foreign_identity import Subject
from shared.grants import Grant
from shared.mesh_keys import KeyRing
from shared.redirect_uris import app_scheme, form_action_source, is_loopback, shown_host
from shared.settings import Settings
from shared.watched import Watched

_PURPOSE = "consent"


class ConsentEndpoint:
    """Shows the form, and takes the decision."""

    def __init__(
        self,
        pending: PendingRequests,
        pages: PageRequests,
        identities: Watched[Identities],
        ring: KeyRing,
        recorder: Recorder,
        public_url: str,
        settings: Settings,
    ) -> None:
        self._pending = pending
        self._pages = pages
        self._identities = identities
        self._ring = ring
        self._recorder = recorder
        self._public_url = public_url
        self._days = _days(settings.grant_s)
        self._days_elsewhere = _days(min(settings.grant_s, settings.identity_max_age_s))

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._pages.answer(request, "consent", self._post if request.method == "POST" else self._get)

    async def _get(self, request: Request) -> Response:
        found = await self._pending.find(request, request.query_params.get("rid"))
        if found is None:
            return self._pages.expired("consent")
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        subject = await self._subject(found)
        if subject is None:
            return self._to_login(found)
        return self._form(found, subject)

    async def _post(self, request: Request) -> Response:
        if not self._pending.browsers.is_own_form(request):
            return self._pages.expired("consent")
        form = await self._pages.read_form(request)
        found = await self._pending.find(request, form.get("rid"))
        if found is None:
            return await self._again(request, form)
        if isinstance(found, Answer):
            return self._pages.turned_away(found)
        if not is_form_token(form.get("csrf"), found.browser, found.rid, _PURPOSE):
            return self._pages.expired("consent")
        decision = form.get("decision")
        if decision not in ("allow", "deny"):
            raise BadParameters("The decision is to be allow or deny.")
        subject = await self._subject(found)
        if subject is None:
            return self._to_login(found)
        answer = await (self._allow(found, subject) if decision == "allow" else self._deny(found))
        return redirected(answer) if answer is not None else await self._again(request, form)

    async def _deny(self, found: Pending) -> Answer | None:
        """None where the request was decided meanwhile; so too the next one."""
        if not await self._pending.store.decisions.deny(found.rid, found.browser, kept_of(found.parameters)):
            return None
        self._recorder.denied("consent_denied", None, "", "The person did not allow it.")
        return self._pending.server.decide(found.parameters, found.transaction, allowed=False)

    async def _allow(self, found: Pending, subject: Subject) -> Answer | None:
        transaction, family = found.transaction, new_family()
        code = transaction.allowed["code"] = code_of(self._ring, family, found.browser, found.rid)
        answer = self._pending.server.decide(found.parameters, transaction, allowed=True)
        if "given" not in transaction.allowed:
            return answer
        grant = Grant(
            family=family,
            client_id=found.client.client_id,
            client_name=found.client.client_name[:200],
            subject=subject,
            scopes=scopes.in_order(found.scopes),
            resource=found.resource,
            started_ms=self._pending.store.clock.now_ms(),
        )
        kept = kept_of(found.parameters)
        what = grant, code, found.redirect_uri, transaction.challenge
        if not await self._pending.store.decisions.allow(found.rid, found.browser, kept, *what):
            return None
        self._recorder.access("consent", grant.username, grant.client_id)
        return answer

    async def _again(self, request: Request, form: Mapping[str, str]) -> Response:
        """The form was sent before, just now, by this browser, with the same decision: it gets the same answer, and nothing
        new is given. Where the client has redeemed the code meanwhile it has its answer: the code again would end what it
        got (RFC 6749 section 4.1.2)."""
        decided = await self._pending.decided(request, form.get("rid"))
        if decided is None or not is_form_token(form.get("csrf"), decided[0].browser, decided[0].rid, _PURPOSE):
            return self._pages.expired("consent")
        found, record = decided
        if form.get("decision") != ("allow" if record.family else "deny"):
            return self._pages.expired("consent")
        if record.family:
            code = code_named(self._ring, record.family, found.browser, found.rid, record.code)
            if code is None:
                return self._pages.expired("consent")
            if await self._pending.store.is_spent(code):
                return self._pages.done()
            found.transaction.allowed["code"] = code
        return redirected(self._pending.server.decide(found.parameters, found.transaction, allowed=bool(record.family)))

    async def _subject(self, found: Pending) -> Subject | None:
        """Who is logged in in this browser, and may still come in."""
        subject = await self._pending.store.subject_in(found.browser)
        if subject is not None and self._identities.value.standing(subject) is not None:
            return subject
        if subject is not None:
            self._recorder.denied("consent_refused", None, "", "Who logged in may not come in any more.")
        return None

    def _to_login(self, found: Pending) -> Response:
        return lead_to(f"{self._public_url}/login?{urlencode({'rid': found.rid})}")

    def _form(self, found: Pending, subject: Subject) -> Response:
        view = ConsentView(
            action=f"{self._public_url}/consent",
            csrf=form_token(found.browser, found.rid, _PURPOSE),
            rid=found.rid,
            client_name=found.client.client_name,
            verified=found.client.verified,
            kind=found.client.kind,
            document_host=found.client.document_host,
            redirect_host=shown_host(found.redirect_uri),
            loopback=is_loopback(found.redirect_uri),
            app_scheme=app_scheme(found.redirect_uri),
            scopes=found.scopes,
            resource=found.resource,
            username=self._identities.value.called(subject),
            switch_url=f"{self._public_url}/login?{urlencode({'rid': found.rid, 'again': '1'})}",
            lasts_days=self._days if isinstance(subject, str) else self._days_elsewhere,
        )
        return consent_page(view, form_action=form_action_source(found.redirect_uri), https=self._pages.https)


def _days(seconds: float) -> int:
    return max(1, round(seconds / 86400))

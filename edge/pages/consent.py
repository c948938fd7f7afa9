"""Allow or cancel: who asks, where the answer goes, what it may do, as whom, how long (MCP, "Consent UI Requirements")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup
from starlette.responses import Response

from edge.pages.client_name import badge, marked_name, plain_name
from edge.pages.document import document, joined, own_url
from edge.pages.response import page_response
from edge.pages.shown_text import shown
from shared import scopes

ClientKind = Literal["registered", "document", "static"]

_HOST_CHARACTERS_MAX = 260
_TEXT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """What the page says."""

    action: str
    """URL that the form is sent to, with `decision` (`allow` or `deny`), `csrf` and `rid`."""
    csrf: str
    rid: str
    client_name: str
    verified: bool
    """Whether the operator set the client up, and so knows that it is called that."""
    kind: ClientKind
    """It registered itself, a document at `document_host` describes it, or the operator set it up."""
    document_host: str = ""
    redirect_host: str
    """Host, with its port if it has one, that the answer goes to; not looked at where `app_scheme` is set."""
    loopback: bool = False
    """Whether that is this computer itself."""
    app_scheme: str = ""
    """The scheme, of a redirect that an app on the device claims (RFC 8252 section 7.1), without its colon."""
    scopes: tuple[str, ...]
    resource: str
    username: str
    """Who is logged in."""
    switch_url: str
    """Where one logs in as somebody else."""
    lasts_days: int
    """After so many days it has to ask again."""


_ORIGIN = {
    "registered": Markup("<p>It registered itself here. Nobody has checked who it is.</p>"),
    "document": Markup(
        '<p>The document that describes it is published by <strong><bdi class="host">{}</bdi></strong>.</p>'
    ),
    "static": Markup("<p>The operator of this server set it up.</p>"),
}
_HEAD = Markup("<h1>Allow {} to use your tools?</h1>\n<p>{}</p>")
_DESTINATION = Markup('<p class="destination">You will be sent to <strong><bdi class="host">{}</bdi></strong></p>')
_TO_APP = Markup(
    '<p class="destination">You will be sent to <strong>an app on this device</strong> that claims <code>{}:</code></p>'
)
_LOOPBACK = Markup(
    '<div class="warning"><p><strong>This is a program on this computer.</strong>'
    " Any program here can ask like this and take any name. Allow it only if you started it yourself, just now.</p></div>"
)
_ANY_APP = Markup(
    '<div class="warning"><p><strong>Any app on this device can claim these links.</strong>'
    " Allow it only if you started it yourself, just now.</p></div>"
)
_SCOPES = Markup(
    '<h2>It will be able to</h2>\n<ul class="scopes">{}</ul>\n<p>It acts in your name, and can do no more than you may.</p>'
)
_SCOPE = Markup("<li>{} <code>{}</code></li>")
_UNNAMED_SCOPE = Markup("<li><code>{}</code></li>")
_FACTS = Markup(
    "<h2>Details</h2>\n"
    '<dl class="facts">\n'
    '<dt>Account</dt><dd><strong><bdi>{username}</bdi></strong> · <a href="{switch}">Use another account</a></dd>\n'
    '<dt>At</dt><dd class="host">{resource}</dd>\n'
    "<dt>For</dt><dd>{days} at most; then you are asked again</dd>\n"
    "</dl>"
)
_FORM = Markup(
    '<form method="post" action="{action}">\n'
    '<input type="hidden" name="csrf" value="{csrf}">\n'
    '<input type="hidden" name="rid" value="{rid}">\n'
    '<div class="choice">\n'
    '<button type="submit" name="decision" value="deny">Cancel</button>\n'
    '<button type="submit" name="decision" value="allow">Allow</button>\n'
    "</div>\n"
    "</form>"
)
_IN_DOUBT = Markup('<p class="small">If you did not ask for this, or do not know where you will be sent: cancel.</p>')
_NONE = Markup("")
_HTTPS = "https:"


def consent_page(view: ConsentView, *, form_action: str, https: bool, headers: Mapping[str, str] | None = None) -> Response:
    """The page. `form_action`: where the form's answer redirects to, as of `page_response`.

    Who takes the answer may lead on to another site (a program on this computer to its own, `www.` to the name without it).
    Chromium holds each redirect of the chain to the policy, and would leave the person here with the code already given:
    so every https site is let in. The form holds nothing that is worth anything elsewhere.
    """
    followed = [_HTTPS] if form_action.startswith(_HTTPS) else [form_action, _HTTPS]
    body = joined(
        _HEAD.format(marked_name(view.client_name), badge(verified=view.verified)),
        _ORIGIN[view.kind].format(shown(view.document_host, _HOST_CHARACTERS_MAX)),
        *_destination(view),
        _SCOPES.format(_NONE.join(_scope(each) for each in view.scopes)),
        _FACTS.format(
            username=shown(view.username, _TEXT_CHARACTERS_MAX),
            switch=own_url(view.switch_url),
            resource=shown(view.resource, _TEXT_CHARACTERS_MAX),
            days=f"{view.lasts_days} days" if view.lasts_days != 1 else "1 day",
        ),
        _FORM.format(action=own_url(view.action), csrf=view.csrf, rid=view.rid),
        _NONE if view.verified else _IN_DOUBT,
    )
    page = document(f"Allow {plain_name(view.client_name)}?", body, url=view.action)
    return page_response(page, 200, https=https, form_action=followed, headers=headers)


def _destination(view: ConsentView) -> tuple[Markup, Markup]:
    if view.app_scheme:
        return _TO_APP.format(shown(view.app_scheme, _TEXT_CHARACTERS_MAX)), _ANY_APP
    return _DESTINATION.format(shown(view.redirect_host, _HOST_CHARACTERS_MAX)), _LOOPBACK if view.loopback else _NONE


def _scope(scope: str) -> Markup:
    name = shown(scope, _TEXT_CHARACTERS_MAX)
    words = scopes.IN_WORDS.get(scope)
    return _SCOPE.format(words, name) if words is not None else _UNNAMED_SCOPE.format(name)

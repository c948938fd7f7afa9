"""Log in, for one client that asks: with a name and a password, or elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.responses import Response

from edge.pages.client_name import badge, marked_name
from edge.pages.document import document, joined, own_url
from edge.pages.response import page_response
from edge.pages.shown_text import shown

_HOST_CHARACTERS_MAX = 260
_USERNAME_CHARACTERS_MAX = 256
_LABEL_CHARACTERS_MAX = 60
_PROBLEM_CHARACTERS_MAX = 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginView:
    """What the page says."""

    action: str
    """URL that the form is sent to, with `username`, `password`, `csrf` and `rid`."""
    csrf: str
    rid: str
    client_name: str
    """What the client calls itself."""
    verified: bool = False
    """Whether the operator set the client up, and so knows that it is called that."""
    redirect_host: str = ""
    """Where its answer will go; left out where it is empty."""
    app_scheme: str = ""
    """The scheme, of a redirect that an app on the device claims, without its colon; `redirect_host` is not looked at."""
    problem: str = ""
    """Why the form is shown again. Of a wrong name and a wrong password it says the same."""
    username: str = ""
    """What was typed before."""
    password: bool = True
    """Whether anybody can log in with a password; else there are only the ways elsewhere."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """What each way to log in elsewhere is called, and its URL."""


_BODY = Markup(
    "<h1>Log in</h1>\n"
    '<div class="destination">To connect<div class="client"><strong>{client}</strong> {badge}</div>{leads}</div>\n'
    "<p>What it may do, you decide on the next page.</p>\n"
    "{problem}{elsewhere}{form}"
)
_FORM = Markup(
    '<form method="post" action="{action}">\n'
    '<input type="hidden" name="csrf" value="{csrf}">\n'
    '<input type="hidden" name="rid" value="{rid}">\n'
    '<label for="username">User name</label>\n'
    '<input id="username" name="username" type="text" value="{username}" autocomplete="username" autocapitalize="none"'
    ' spellcheck="false" maxlength="256" required{for_username}>\n'
    '<label for="password">Password</label>\n'
    '<input id="password" name="password" type="password" autocomplete="current-password"'
    ' maxlength="1024" required{for_password}>\n'
    '<button class="submit" type="submit">Log in</button>\n'
    "</form>"
)
_ELSEWHERE = Markup('<ul class="ways" aria-label="Ways to log in">\n{}</ul>\n')
_WAY = Markup('<li><a class="button" href="{}"><span>Log in with <bdi>{}</bdi></span></a></li>\n')
_OR = Markup('<p class="or"><span>or with a password</span></p>\n')
_LEADS = Markup('<div>and go on to <bdi class="host">{}</bdi></div>')
_LEADS_TO_APP = Markup("<div>and go on to an app on this device (<code>{}:</code>)</div>")
_PROBLEM = Markup('<div class="problem" id="problem" role="alert"><p>{}</p></div>\n')
_EXPLAINED = Markup(' aria-describedby="problem"')
_FOCUSED = Markup(" autofocus")
_ONLY_HERE = Markup('<p class="small">Type your password only where the address bar says <strong>{}</strong>.</p>')
_NONE = Markup("")


def login_page(
    view: LoginView,
    *,
    status: int = 200,
    https: bool,
    form_action: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The page. `form_action`: as of `page_response`, where a log-in may lead on to the client without a question."""
    site = urlsplit(view.action).netloc if view.password else ""
    body = _BODY.format(
        client=marked_name(view.client_name),
        badge=badge(verified=view.verified),
        leads=_leads(view),
        problem=_PROBLEM.format(shown(view.problem, _PROBLEM_CHARACTERS_MAX)) if view.problem else _NONE,
        elsewhere=_elsewhere(view),
        form=_form(view) if view.password else _NONE,
    )
    page = document("Log in", joined(body, _ONLY_HERE.format(site) if site else _NONE), url=view.action)
    return page_response(page, status, https=https, form_action=[form_action] if form_action else (), headers=headers)


def _elsewhere(view: LoginView) -> Markup:
    """Links, no forms: a browser holds all redirects behind a form to its policy, and a provider may lead on to others."""
    ways = [_WAY.format(own_url(url), shown(label, _LABEL_CHARACTERS_MAX)) for label, url in view.elsewhere]
    if not ways:
        return _NONE
    return _ELSEWHERE.format(_NONE.join(ways)) + (_OR if view.password else _NONE)


def _form(view: LoginView) -> Markup:
    username = shown(view.username, _USERNAME_CHARACTERS_MAX)
    explained = _EXPLAINED if view.problem else _NONE
    # With other ways above it, the form is not where one has to begin.
    focused = _NONE if view.elsewhere and not username else _FOCUSED
    return _FORM.format(
        action=own_url(view.action),
        csrf=view.csrf,
        rid=view.rid,
        username=username,
        for_username=explained + (_NONE if username else focused),
        for_password=explained + (focused if username else _NONE),
    )


def _leads(view: LoginView) -> Markup:
    if view.app_scheme:
        return _LEADS_TO_APP.format(shown(view.app_scheme, _HOST_CHARACTERS_MAX))
    return _LEADS.format(shown(view.redirect_host, _HOST_CHARACTERS_MAX)) if view.redirect_host else _NONE

"""For a person who opens the endpoint in a browser: this is no web page, and this is how one connects to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.responses import Response

from edge.pages.document import document, joined
from edge.pages.response import page_response


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingView:
    """What the page says: nothing that somebody who is not logged in should not know."""

    mcp_url: str
    """The endpoint that clients are given."""
    anonymous: bool = False
    """Whether nobody has to log in (`TOOLMESH_AUTH=none`)."""
    log_in_at: str | None = ""
    """The host of another authorization server, where people log in; empty for here, None where nobody can."""


_HEAD = Markup(
    "<h1>Connect your assistant</h1>\n"
    "<p>This address is for AI assistants and agents: they speak the Model Context Protocol (MCP) with it."
    " Give them this URL:</p>\n"
    '<p><code class="copy">{}</code></p>'
)
_LOCAL = Markup(
    '<div class="warning"><p><strong>This address is only on this computer.</strong>'
    " Programs here can use it; ChatGPT and Claude can't reach it. For them, put HTTPS in front and set"
    " <code>TOOLMESH_ISSUER</code> to its public URL.</p></div>"
)
_LOGIN = Markup(
    "<p>You log in when an assistant connects (OAuth), with the user name and password that the operator of this server"
    " gave you; programs that can't open a browser send an API key.</p>"
)
_LOGIN_ELSEWHERE = Markup(
    "<p>You log in at <strong>{}</strong> when an assistant connects (OAuth); programs that can't open a browser send an"
    " API key, or a token from there.</p>"
)
_KEYS_ALONE = Markup(
    "<p>Programs send an API key that the operator of this server gave you. Nobody can log in here, so ChatGPT and Claude"
    " can't connect.</p>"
)
_NO_LOGIN = Markup("<p>Nobody has to log in here. What may be called without that is the operator's choice.</p>")
_CHATGPT = Markup(
    "<h2>ChatGPT</h2>\n"
    "<ol>\n"
    "<li>On the web, open <strong>chatgpt.com/plugins</strong>, press <strong>+</strong> and choose"
    " <strong>Add custom MCP server</strong>. Where that is missing, switch on <strong>Developer mode</strong> under"
    " <strong>Settings → Security and login</strong> first.</li>\n"
    "<li>Paste the URL, choose <strong>{}</strong>, and create it.</li>\n"
    "<li>{}Install it; in a chat, type <strong>@</strong> and choose it.</li>\n"
    "</ol>"
)
_CLAUDE = Markup(
    "<h2>Claude</h2>\n"
    "<ol>\n"
    "<li>Under <strong>Settings → Connectors</strong>, choose <strong>Add custom connector</strong>.</li>\n"
    "<li>Paste the URL and add it.</li>\n"
    "<li>{}</li>\n"
    "</ol>"
)
_AGENTS = Markup(
    "<h2>Coding agents</h2>\n<p>{}</p>\n"
    '<p><code class="copy">claude mcp add <span class="whole">--transport http</span> toolmesh {}{}</code></p>'
)
_BY_KEY = Markup(
    "For Claude Code, as one command; <code>TOOLMESH_API_KEY</code> holds your key. Other agents take the same URL and"
    " the same header."
)
_OR_LOGIN = Markup("{} Without the header, those that can open a browser have you log in.")
_KEY_HEADER = Markup(' <span class="whole">--header</span> "Authorization: Bearer $TOOLMESH_API_KEY"')
_NO_KEY = Markup("For Claude Code, as one command. Other agents take the same URL.")
_NONE = Markup("")


def landing_page(view: LandingView, *, https: bool, headers: Mapping[str, str] | None = None) -> Response:
    """The page."""
    body = joined(
        _HEAD.format(view.mcp_url),
        _LOCAL if _is_local(view.mcp_url) else _NONE,
        *_connecting(view),
    )
    page = document("Connect your assistant", body, url=view.mcp_url, wide=True)
    return page_response(page, 200, https=https, headers=headers)


def _connecting(view: LandingView) -> tuple[Markup, ...]:
    if view.anonymous:
        return (
            _NO_LOGIN,
            _CHATGPT.format("No authentication", ""),
            _CLAUDE.format("Use it in a chat."),
            _AGENTS.format(_NO_KEY, view.mcp_url, ""),
        )
    if view.log_in_at is None:
        return _KEYS_ALONE, _AGENTS.format(_BY_KEY, view.mcp_url, _KEY_HEADER)
    where = "there" if view.log_in_at else "here"
    return (
        _LOGIN_ELSEWHERE.format(view.log_in_at) if view.log_in_at else _LOGIN,
        _CHATGPT.format("OAuth", f"Log in {where}, and allow it. "),
        _CLAUDE.format(f"Press Connect, log in {where}, and allow it."),
        _AGENTS.format(_OR_LOGIN.format(_BY_KEY), view.mcp_url, _KEY_HEADER),
    )


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
